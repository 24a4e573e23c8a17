// Command checker says whether recorded histories of appends and reads are linearizable, stream by
// stream.
//
//	checker [--seconds 120] HISTORY…
//
// Ends with 0 where all are, 1 where one is not or could not be decided in time, 2 where one cannot
// be read. Beside a history that fails it leaves HISTORY.html: a picture of the stream at fault.
package main

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

func main() {
	seconds := flag.Int("seconds", 120, "time for one history")
	flag.Parse()
	code := 0
	for _, name := range flag.Args() {
		history, err := load(name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(2)
		}
		began := time.Now()
		failure := Check(history, time.Duration(*seconds)*time.Second)
		if failure != nil {
			fmt.Printf("%s: %v\n", name, failure)
			failure.draw(name + ".html")
			code = 1
			continue
		}
		fmt.Printf("%s: linearizable, %s, %.1f s\n", name, describe(history),
			time.Since(began).Seconds())
	}
	if flag.NArg() == 0 {
		flag.Usage()
		code = 2
	}
	os.Exit(code)
}

func load(name string) ([]*Operation, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ReadHistory(file)
}

// Failure names the stream that is not linearizable, or was not decided.
type Failure struct {
	Stream string
	Result porcupine.CheckResult
	info   porcupine.LinearizationInfo
}

func (f *Failure) Error() string {
	if f.Result == porcupine.Unknown {
		return fmt.Sprintf("stream %s was not decided in time", f.Stream)
	}
	return fmt.Sprintf("stream %s is not linearizable", f.Stream)
}

func (f *Failure) draw(name string) {
	if err := porcupine.VisualizePath(Stream, f.info, name); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	}
}

// Check returns nil where every stream of the history is linearizable.
func Check(history []*Operation, limit time.Duration) *Failure {
	end := time.Now().Add(limit)
	streams := ByStream(history)
	names := make([]string, 0, len(streams))
	for name := range streams {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		left := time.Until(end)
		if left <= 0 {
			return &Failure{Stream: name, Result: porcupine.Unknown}
		}
		stream := operations(Settle(streams[name]))
		if result := porcupine.CheckOperationsTimeout(Stream, stream, left); result != porcupine.Ok {
			failure := &Failure{Stream: name, Result: result}
			_, failure.info = porcupine.CheckOperationsVerbose(Stream, stream, 10*time.Second)
			return failure
		}
	}
	return nil
}

func describe(history []*Operation) string {
	counts := make(map[string]int)
	for _, operation := range history {
		counts[operation.Result]++
	}
	return fmt.Sprintf(
		"%d operations (%d admitted, %d conflicts, %d keys reused, %d reads, %d unknown)", len(history),
		counts[Admitted], counts[Conflict], counts[Reused], counts[Read], counts[Unknown])
}
