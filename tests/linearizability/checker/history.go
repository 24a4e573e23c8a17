package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
)

// What a client was told.
const (
	Admitted = "admitted"
	Conflict = "conflict"
	Reused   = "reused"  // The key is known with another body.
	Unknown  = "unknown" // No answer: it happened, did not, or will.
	Read     = "read"
)

// NoStream is the head of a stream that has no events.
const NoStream = -1

// Operation is one request as its client saw it, one line of a history. Times are nanoseconds of
// one monotonic clock.
type Operation struct {
	Stream string `json:"stream"`
	Call   int64  `json:"call"`
	Return int64  `json:"return"`
	Result string `json:"result"`

	// Of an append. Its events have the ids BODY/0, BODY/1 …; who repeats a request repeats the body.
	Body     string `json:"body"`
	Expected string `json:"expected"` // "", "new", "exists" or a version
	Count    int    `json:"count"`
	Key      string `json:"key"` // "": without one

	// First version of what was admitted; the head that a conflict met.
	First int `json:"first"`
	// Conflict: the head it met. Read: the head that was told. NoStream: there is none.
	Head int `json:"head"`

	// Of a read: the ids of the events from version From on.
	From   int      `json:"from"`
	Events []string `json:"events"`
	// A read of a node that may lag sees the stream as it was at some time since Since, with at least
	// Seen events. A read that must not be stale has Since = Call.
	Since int64 `json:"since"`
	Seen  int   `json:"seen"`
	// The last read of the stream, of all of it.
	Final bool `json:"final"`
}

// IsRead tells reads from appends.
func (o *Operation) IsRead() bool { return o.Result == Read }

// ReadHistory reads operations, one JSON object a line.
func ReadHistory(in io.Reader) ([]*Operation, error) {
	var history []*Operation
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<16), 1<<30)
	for lines.Scan() {
		operation := new(Operation)
		if err := json.Unmarshal(lines.Bytes(), operation); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(history)+1, err)
		}
		if err := operation.check(); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(history)+1, err)
		}
		history = append(history, operation)
	}
	return history, lines.Err()
}

func (o *Operation) check() error {
	switch o.Result {
	case Read:
		if o.Since > o.Call {
			return fmt.Errorf("a read cannot begin before its window")
		}
	case Admitted, Conflict, Reused, Unknown:
		if o.Count < 1 || o.Body == "" {
			return fmt.Errorf("an append without events")
		}
	default:
		return fmt.Errorf("no such result: %q", o.Result)
	}
	if o.Result == Unknown {
		o.Return = math.MaxInt64
	}
	if o.Stream == "" || o.Return <= o.Call {
		return fmt.Errorf("an operation needs a stream and must return after its call")
	}
	return nil
}

// ByStream keeps the order within each stream.
func ByStream(history []*Operation) map[string][]*Operation {
	streams := make(map[string][]*Operation)
	for _, operation := range history {
		streams[operation.Stream] = append(streams[operation.Stream], operation)
	}
	return streams
}

// Settle uses the stream's final read to say what became of appends nobody answered: one whose
// events are there was admitted by then; one whose events are not there, and whose key nobody else
// used, happened after all that was observed, or never. So the search has less to try, and what it
// accepts stays the same.
func Settle(stream []*Operation) []*Operation {
	final := finalRead(stream)
	if final == nil {
		return stream
	}
	versions := make(map[string]int, len(final.Events))
	for index, event := range final.Events {
		versions[event] = final.From + index
	}
	keyed := make(map[string]int)
	for _, operation := range stream {
		if operation.Key != "" {
			keyed[operation.Key]++
		}
	}
	var settled []*Operation
	for _, operation := range stream {
		if operation.Result != Unknown {
			settled = append(settled, operation)
			continue
		}
		if first, there := versions[operation.Body+"/0"]; there {
			known := *operation
			known.Result, known.First, known.Return = Admitted, first, final.Return
			settled = append(settled, &known)
		} else if operation.Key != "" && keyed[operation.Key] > 1 {
			settled = append(settled, operation)
		}
	}
	return settled
}

func finalRead(stream []*Operation) *Operation {
	for _, operation := range stream {
		if operation.IsRead() && operation.Final {
			return operation
		}
	}
	return nil
}
