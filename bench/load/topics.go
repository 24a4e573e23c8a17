package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type moved struct {
	Events    int     `json:"events"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
}

func movedSince(events int, begin time.Time) moved {
	seconds := time.Since(begin).Seconds()
	return moved{events, seconds, float64(events) / seconds}
}

const batch = 500

// fill appends EVENTS, each of BYTES in its batch, to 10,000 streams in turns.
func fill(arguments []string) (any, error) {
	address, topic := arguments[0], arguments[1]
	size, events := number(arguments[2]), number(arguments[3])
	batches := (events + batch - 1) / batch
	var next atomic.Int64
	errs := make(chan error, 4)
	begin := time.Now()
	var group sync.WaitGroup
	for i := 0; i < cap(errs); i++ {
		c, err := dial(address)
		if err != nil {
			return nil, err
		}
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				serial := int(next.Add(1)) - 1
				if serial >= batches {
					return
				}
				message := request("POST", "/v1/topics/"+topic+"/events", eventBatch(size, serial),
					"Content-Type: application/cloudevents-batch+json")
				if _, err := c.exchange(message); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	group.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
	}
	return movedSince(batches*batch, begin), nil
}

func eventBatch(size, serial int) string {
	var text strings.Builder
	text.WriteByte('[')
	for i := 0; i < batch; i++ {
		number := serial*batch + i
		head := fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/bench","type":"OrderPlaced",`+
			`"stream":"stream-%d","data":"`, number, number%10000)
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(head)
		text.WriteString(strings.Repeat("x", size-len(head)-2))
		text.WriteString(`"}`)
	}
	text.WriteByte(']')
	return text.String()
}

// follow reads pages of 1,000 events as a long poll until it has met EVENTS of them. It reads of a
// page what a follower must: how many events, and where to go on.
func follow(arguments []string) (any, error) {
	address, topic, events := arguments[0], arguments[1], number(arguments[2])
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	position, met := "earliest", 0
	for met < events {
		page, err := c.exchange(request("GET",
			"/v1/topics/"+topic+"/events?limit=1000&position="+position, "", "Prefer: wait=10"))
		if err != nil {
			return nil, err
		}
		count := bytes.Count(page, []byte(`"specversion":`))
		if count == 0 {
			return nil, errors.New("no more events after " + fmt.Sprint(met))
		}
		met += count
		at := bytes.LastIndex(page, []byte(`"next":"`))
		if at < 0 {
			return nil, errors.New("a page without a position")
		}
		rest := page[at+len(`"next":"`):]
		position = string(rest[:bytes.IndexByte(rest, '"')])
	}
	return movedSince(met, begin), nil
}

// idle opens connections, asks once on each and keeps them open for SECONDS.
func idle(arguments []string) (any, error) {
	connections := number(arguments[1])
	kept := make([]*connection, 0, connections)
	for i := 0; i < connections; i++ {
		c, err := dial(arguments[0])
		if err != nil {
			return nil, err
		}
		if _, err := c.exchange(request("GET", "/livez", "")); err != nil {
			return nil, err
		}
		kept = append(kept, c)
	}
	time.Sleep(time.Duration(number(arguments[2])) * time.Second)
	return map[string]int{"connections": len(kept)}, nil
}
