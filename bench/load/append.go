package main

import (
	"fmt"
	"runtime"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

type latencies struct {
	PerSecond float64 `json:"per_second"`
	P50us     float64 `json:"p50_us"`
	P99us     float64 `json:"p99_us"`
	MaxUs     float64 `json:"max_us"`
}

// event in the plain form, of so many bytes.
func event(bytes, serial int) string {
	head := fmt.Sprintf(`{"type":"OrderPlaced","data":{"order":"%08d","note":"`, serial)
	return head + strings.Repeat("x", bytes-len(head)-3) + `"}}`
}

// appendRequest is for one of 1,000 streams.
func appendRequest(topic string, bytes, serial int) []byte {
	path := fmt.Sprintf("/v1/topics/%s/streams/stream-%d/events", topic, serial%1000)
	return request("POST", path, event(bytes, serial), "Content-Type: application/json")
}

// appendSteadily begins an append every 1/RATE seconds, whether or not those before are answered,
// and counts each from the moment it was due: a server that stalls cannot hide those that would
// have come meanwhile.
func appendSteadily(arguments []string) (any, error) {
	return steadily(arguments[0], arguments[1], number(arguments[2]), number(arguments[3]),
		number(arguments[4]), number(arguments[5]))
}

func steadily(address, topic string, bytes, rate, seconds, connections int) (latencies, error) {
	total := rate * seconds
	due := func(serial int) time.Duration {
		return time.Duration(serial) * time.Second / time.Duration(rate)
	}
	spent := make([]time.Duration, total)
	errs := make(chan error, connections+1)
	opened := make([]*connection, connections)
	for i := range opened {
		var err error
		if opened[i], err = dial(address); err != nil {
			return latencies{}, err
		}
	}
	begin := time.Now().Add(100 * time.Millisecond)
	var group sync.WaitGroup
	for i, c := range opened {
		i, c := i, c
		group.Add(1)
		go func() {
			defer group.Done()
			for serial := i; serial < total; serial += connections {
				if _, err := c.success(); err != nil {
					errs <- err
					return
				}
				spent[serial] = time.Since(begin) - due(serial)
			}
		}()
	}
	group.Add(1)
	go func() {
		defer group.Done()
		if err := sendSteadily(opened, begin, due, total, topic, bytes); err != nil {
			errs <- err
			for _, c := range opened {
				c.socket.Close() // Nobody waits for answers that will not come.
			}
		}
	}()
	group.Wait()
	select {
	case err := <-errs:
		return latencies{}, err
	default:
	}
	return summary(spent, time.Since(begin)), nil
}

// sendSteadily sleeps in the kernel: Go's timers are up to a millisecond late, as late as an answer
// is that they would measure.
func sendSteadily(opened []*connection, begin time.Time, due func(int) time.Duration, total int,
	topic string, bytes int) error {
	runtime.LockOSThread()
	for serial := 0; serial < total; serial++ {
		message := appendRequest(topic, bytes, serial)
		if early := due(serial) - time.Since(begin); early > 0 {
			wait := syscall.NsecToTimespec(early.Nanoseconds())
			if err := syscall.Nanosleep(&wait, nil); err != nil && err != syscall.EINTR {
				return err
			}
		}
		if _, err := opened[serial%len(opened)].socket.Write(message); err != nil {
			return err
		}
	}
	return nil
}

func summary(spent []time.Duration, took time.Duration) latencies {
	if len(spent) == 0 {
		return latencies{}
	}
	sort.Slice(spent, func(i, j int) bool { return spent[i] < spent[j] })
	at := func(share float64) float64 {
		return float64(spent[int(share*float64(len(spent)-1))].Nanoseconds()) / 1000
	}
	return latencies{float64(len(spent)) / took.Seconds(), at(0.5), at(0.99), at(1)}
}
