package main

import (
	"fmt"
	"hash/fnv"
	"strconv"

	"github.com/anishathalye/porcupine"
)

// The specification: one stream, as docs/admit.md says. States are immutable and share their tails.
type state struct {
	head    int
	appends *admitted
	known   *remembered
	// Over appends in their order, and over what is remembered in any order: equal streams have
	// equal hashes.
	appendsHash uint64
	knownHash   uint64
}

// An append that was admitted; below are the earlier ones.
type admitted struct {
	body  string
	first int
	below *admitted
}

// The first verdict on a key.
type remembered struct {
	key, print string
	verdict    outcome
	below      *remembered
}

type outcome struct {
	result string
	first  int
	head   int
}

// What a repetition must have in common with the first request.
func (o *Operation) print() string { return fmt.Sprint(o.Expected, "|", o.Count, "|", o.Body) }

func (s *state) find(key string) *remembered {
	if key == "" {
		return nil
	}
	for entry := s.known; entry != nil; entry = entry.below {
		if entry.key == key {
			return entry
		}
	}
	return nil
}

func (s *state) meets(expected string) bool {
	switch expected {
	case "":
		return true
	case "new":
		return s.head == NoStream
	case "exists":
		return s.head != NoStream
	}
	version, err := strconv.Atoi(expected)
	return err == nil && version == s.head
}

// The outcome of an append, and the state behind it.
func (s *state) admit(o *Operation) (outcome, *state) {
	if known := s.find(o.Key); known != nil {
		if known.print != o.print() {
			return outcome{result: Reused}, s
		}
		return known.verdict, s
	}
	next := *s
	verdict := outcome{result: Conflict, head: s.head}
	if s.meets(o.Expected) {
		verdict = outcome{result: Admitted, first: s.head + 1}
		next.head += o.Count
		next.appends = &admitted{o.Body, verdict.first, s.appends}
		next.appendsHash = mix(s.appendsHash, o.Body, o.Count)
	}
	if o.Key != "" {
		next.known = &remembered{o.Key, o.print(), verdict, s.known}
		next.knownHash += mix(uint64(verdict.first)<<32|uint64(uint32(verdict.head)), o.Key, 0)
	}
	return verdict, &next
}

func mix(seed uint64, text string, number int) uint64 {
	hash := fnv.New64a()
	fmt.Fprint(hash, seed, "|", text, "|", number)
	return hash.Sum64()
}

// Whether a read may have told this of the stream.
func (s *state) shows(o *Operation) bool {
	if o.Head != s.head || s.head+1 < o.Seen {
		return false
	}
	if len(o.Events) != 0 && o.From+len(o.Events)-1 > s.head {
		return false
	}
	entry := s.appends
	for index := len(o.Events) - 1; index >= 0; index-- {
		version := o.From + index
		for entry.first > version {
			entry = entry.below
		}
		if o.Events[index] != entry.body+"/"+strconv.Itoa(version-entry.first) {
			return false
		}
	}
	return true
}

func step(from, input, _ interface{}) (bool, interface{}) {
	before, operation := from.(*state), input.(*Operation)
	if operation.IsRead() {
		return before.shows(operation), before
	}
	verdict, after := before.admit(operation)
	if operation.Result == Unknown {
		// One that never happened is one that happens behind all that was observed.
		return true, after
	}
	told := outcome{result: operation.Result}
	switch operation.Result {
	case Admitted:
		told.first = operation.First
	case Conflict:
		told.head = operation.Head
	}
	return verdict == told, after
}

// Stream is one stream's specification as porcupine wants it.
var Stream = porcupine.Model{
	Init: func() interface{} { return &state{head: NoStream} },
	Step: step,
	Equal: func(left, right interface{}) bool {
		a, b := left.(*state), right.(*state)
		return a == b ||
			a.head == b.head && a.appendsHash == b.appendsHash && a.knownHash == b.knownHash
	},
	DescribeOperation: func(input, _ interface{}) string {
		o := input.(*Operation)
		if o.IsRead() {
			return fmt.Sprintf("read from %d: head %d, %v", o.From, o.Head, o.Events)
		}
		return fmt.Sprintf("append %s ×%d expected %q key %q: %s first %d head %d", o.Body, o.Count,
			o.Expected, o.Key, o.Result, o.First, o.Head)
	},
}

// Operations as porcupine takes them. A read that may be stale begins when its window does.
func operations(stream []*Operation) []porcupine.Operation {
	all := make([]porcupine.Operation, 0, len(stream))
	for _, operation := range stream {
		call := operation.Call
		if operation.IsRead() {
			call = operation.Since
		}
		all = append(all, porcupine.Operation{Input: operation, Call: call, Return: operation.Return})
	}
	return all
}
