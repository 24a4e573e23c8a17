package main

import (
	"fmt"
	"sync"
	"time"
)

const (
	measured   = 3    // Seconds for each measurement before the overload.
	underWay   = 4096 // Appends of one connection that are not answered, at most.
	measuredBy = 256  // Connections that find the capacity.
)

type overloaded struct {
	Capacity  float64   `json:"capacity"` // Appends a second in a closed loop.
	Before    latencies `json:"before"`   // At a fifth of it.
	Due       int       `json:"due"`
	Sent      int       `json:"sent"` // Those the server read in time; TCP held the others back.
	Accepted  latencies `json:"accepted"`
	Admitted  int       `json:"admitted"` // 201, of all commands' appends.
	Refused   int       `json:"refused"`  // 429 or 503, with Retry-After.
	Undecided int       `json:"undecided"`
	Other     []string  `json:"other"` // What an overloaded server should not say.
}

// overload finds how many appends a second the server does, then begins FACTOR times as many, each
// when it is due and on connections that wait for no answer, as clients do that know nothing of
// each other.
func overload(arguments []string) (any, error) {
	address, topic, bytes := arguments[0], arguments[1], number(arguments[2])
	factor, seconds, connections := number(arguments[3]), number(arguments[4]), number(arguments[5])
	found := overloaded{}
	done, err := capacity(address, topic, bytes)
	if err != nil {
		return nil, err
	}
	found.Capacity = float64(done) / measured
	gently := int(found.Capacity)/5 + 1
	if found.Before, err = steadily(address, topic, bytes, gently, measured, measuredBy); err != nil {
		return nil, err
	}
	found.Admitted = done + gently*measured

	rate := int(found.Capacity) * factor
	found.Due = rate * seconds
	flood := flood{topic: topic, bytes: bytes, begin: time.Now(), rate: rate,
		connections: connections, end: time.Now().Add(time.Duration(seconds) * time.Second)}
	spent, err := flood.run(address, &found)
	if err != nil {
		return nil, err
	}
	found.Accepted = summary(spent, time.Since(flood.begin))
	found.Admitted += len(spent)
	return found, nil
}

// capacity is how many appends are done in the seconds of a measurement. One that is refused, as by
// a server whose fold has fallen behind, is tried again: it was not done.
func capacity(address, topic string, bytes int) (int, error) {
	counts := make([]int, measuredBy)
	errs := make(chan error, measuredBy)
	end := time.Now().Add(measured * time.Second)
	for i := range counts {
		go func(i int) {
			c, err := dial(address)
			for err == nil && time.Now().Before(end) {
				var got answer
				if _, err = c.socket.Write(appendRequest(topic, bytes, counts[i])); err != nil {
					break
				}
				if got, err = c.receive(); err != nil {
					break
				}
				switch {
				case got.status == 201:
					counts[i]++
				case got.refused():
					time.Sleep(100 * time.Millisecond)
				default:
					err = fmt.Errorf("%d: %.300s", got.status, got.body)
				}
			}
			errs <- err
		}(i)
	}
	sum := 0
	for range counts {
		if err := <-errs; err != nil {
			return 0, err
		}
	}
	for _, count := range counts {
		sum += count
	}
	return sum, nil
}

type flood struct {
	topic             string
	bytes             int
	rate, connections int
	begin, end        time.Time
	mu                sync.Mutex
	spent             []time.Duration
	found             *overloaded
	firstErr          error
}

func (f *flood) run(address string, found *overloaded) ([]time.Duration, error) {
	f.found = found
	var group sync.WaitGroup
	for i := 0; i < f.connections; i++ {
		c, err := dial(address)
		if err != nil {
			return nil, err
		}
		sent := make(chan time.Time, underWay)
		group.Add(2)
		go func(first int) {
			defer group.Done()
			f.note(f.send(c, first, sent))
		}(i)
		go func() {
			defer group.Done()
			f.note(f.receive(c, sent))
		}()
	}
	group.Wait()
	return f.spent, f.firstErr
}

func (f *flood) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && f.firstErr == nil {
		f.firstErr = err
	}
}

func (f *flood) send(c *connection, first int, sent chan<- time.Time) error {
	defer close(sent)
	for serial := first; ; serial += f.connections {
		due := f.begin.Add(time.Duration(serial) * time.Second / time.Duration(f.rate))
		if due.After(f.end) || time.Now().After(f.end) {
			return nil
		}
		time.Sleep(time.Until(due))
		sent <- time.Now()
		if _, err := c.socket.Write(appendRequest(f.topic, f.bytes, serial)); err != nil {
			return err
		}
	}
}

// receive takes the answers, which come in the order of the requests.
func (f *flood) receive(c *connection, sent <-chan time.Time) error {
	for begun := range sent {
		got, err := c.receive()
		if err != nil {
			return err
		}
		took := time.Since(begun)
		f.mu.Lock()
		f.found.Sent++
		switch {
		case got.status == 201:
			f.spent = append(f.spent, took)
		case got.refused():
			f.found.Refused++
		case got.status == 504 && got.retryAfter:
			f.found.Undecided++
		default:
			if len(f.found.Other) < 10 {
				f.found.Other = append(f.found.Other, fmt.Sprintf("%d: %.300s", got.status, got.body))
			}
		}
		f.mu.Unlock()
	}
	return nil
}
