package main

import (
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// A history of one stream, a line an operation; times are made of the lines' order where not given.
func history(t *testing.T, lines ...string) []*Operation {
	t.Helper()
	read, err := ReadHistory(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

const (
	firstAppend = `{"stream":"s","call":1,"return":2,"result":"admitted","body":"a","count":2,` +
		`"expected":"new","first":0}`
	secondAppend = `{"stream":"s","call":3,"return":4,"result":"admitted","body":"b","count":1,` +
		`"expected":"1","first":2}`
)

func TestHistories(t *testing.T) {
	for _, test := range []struct {
		rule  string
		lines []string
		want  porcupine.CheckResult
	}{
		{"appends one after the other", []string{firstAppend, secondAppend}, porcupine.Ok},
		{"the same expected version succeeds once", []string{firstAppend, secondAppend,
			`{"stream":"s","call":3,"return":4,"result":"admitted","body":"c","count":1,` +
				`"expected":"1","first":2}`}, porcupine.Illegal},
		{"a version is given once", []string{firstAppend, secondAppend,
			`{"stream":"s","call":3,"return":4,"result":"admitted","body":"c","count":1,"first":2}`},
			porcupine.Illegal},
		{"versions have no holes", []string{firstAppend,
			`{"stream":"s","call":3,"return":4,"result":"admitted","body":"c","count":1,"first":3}`},
			porcupine.Illegal},
		{"a conflict tells the head it met", []string{firstAppend,
			`{"stream":"s","call":3,"return":4,"result":"conflict","body":"c","count":1,` +
				`"expected":"new","head":1}`}, porcupine.Ok},
		{"a conflict needs a reason", []string{firstAppend,
			`{"stream":"s","call":3,"return":4,"result":"conflict","body":"c","count":1,` +
				`"expected":"1","head":1}`}, porcupine.Illegal},
		{"a read shows what was acknowledged", []string{firstAppend, secondAppend,
			`{"stream":"s","call":5,"since":5,"return":6,"result":"read","from":1,"head":2,` +
				`"events":["a/1","b/0"]}`}, porcupine.Ok},
		{"a read from beyond the head shows no events", []string{firstAppend,
			`{"stream":"s","call":5,"since":5,"return":6,"result":"read","from":9,"head":1}`},
			porcupine.Ok},
		{"a stale read is not linearizable", []string{firstAppend, secondAppend,
			`{"stream":"s","call":5,"since":5,"return":6,"result":"read","head":1,` +
				`"events":["a/0","a/1"]}`}, porcupine.Illegal},
		{"a node that lags may show what was", []string{firstAppend, secondAppend,
			`{"stream":"s","call":5,"since":1,"return":6,"result":"read","head":1,"seen":2,` +
				`"events":["a/0","a/1"]}`}, porcupine.Ok},
		{"but not less than it was asked for", []string{firstAppend, secondAppend,
			`{"stream":"s","call":5,"since":1,"return":6,"result":"read","head":1,"seen":3,` +
				`"events":["a/0","a/1"]}`}, porcupine.Illegal},
		{"a batch is all or nothing", []string{firstAppend,
			`{"stream":"s","call":1,"since":1,"return":6,"result":"read","head":0,"events":["a/0"]}`},
			porcupine.Illegal},
		{"an unknown append may happen later", []string{
			`{"stream":"s","call":1,"result":"unknown","body":"x","count":1}`,
			`{"stream":"s","call":2,"since":2,"return":3,"result":"read","head":-1}`,
			`{"stream":"s","call":4,"since":4,"return":5,"result":"read","head":0,"events":["x/0"]}`},
			porcupine.Ok},
		{"but happens once", []string{
			`{"stream":"s","call":1,"result":"unknown","body":"x","count":1}`,
			`{"stream":"s","call":4,"since":4,"return":5,"result":"read","head":1,` +
				`"events":["x/0","x/0"]}`}, porcupine.Illegal},
		{"and is not undone", []string{
			`{"stream":"s","call":1,"result":"unknown","body":"x","count":1}`,
			`{"stream":"s","call":2,"since":2,"return":3,"result":"read","head":0,"events":["x/0"]}`,
			`{"stream":"s","call":4,"since":4,"return":5,"result":"read","head":-1}`},
			porcupine.Illegal},
		{"a repetition gets the first verdict", []string{
			`{"stream":"s","call":1,"return":2,"result":"conflict","body":"x","count":1,"key":"k",` +
				`"expected":"exists","head":-1}`, strings.Replace(secondAppend, `"1","first":2`,
				`"new","first":0`, 1),
			`{"stream":"s","call":5,"return":6,"result":"conflict","body":"x","count":1,"key":"k",` +
				`"expected":"exists","head":-1}`}, porcupine.Ok},
		{"also when it could now be admitted", []string{
			`{"stream":"s","call":1,"return":2,"result":"conflict","body":"x","count":1,"key":"k",` +
				`"expected":"exists","head":-1}`, strings.Replace(secondAppend, `"1","first":2`,
				`"new","first":0`, 1),
			`{"stream":"s","call":5,"return":6,"result":"admitted","body":"x","count":1,"key":"k",` +
				`"expected":"exists","first":1}`}, porcupine.Illegal},
		{"a key is not for another body", []string{
			`{"stream":"s","call":1,"return":2,"result":"admitted","body":"x","count":1,"key":"k"}`,
			`{"stream":"s","call":3,"return":4,"result":"reused","body":"y","count":1,"key":"k"}`},
			porcupine.Ok},
		{"what a final read shows has happened before it", []string{
			`{"stream":"s","call":1,"result":"unknown","body":"x","count":1}`,
			`{"stream":"s","call":1,"result":"unknown","body":"y","count":1}`,
			`{"stream":"s","call":4,"since":4,"return":5,"result":"read","head":0,"final":true,` +
				`"events":["x/0"]}`}, porcupine.Ok},
	} {
		t.Run(test.rule, func(t *testing.T) {
			got := porcupine.Ok
			if failure := Check(history(t, test.lines...), 10*time.Second); failure != nil {
				got = failure.Result
			}
			if got != test.want {
				t.Errorf("%v, not %v", got, test.want)
			}
		})
	}
}

func TestWhatIsNoHistoryIsRefused(t *testing.T) {
	for _, line := range []string{`{`, `{"result":"maybe"}`,
		`{"stream":"s","call":2,"return":1,"result":"admitted","body":"a","count":1}`,
		`{"stream":"s","call":2,"since":3,"return":4,"result":"read"}`,
		`{"stream":"s","call":1,"return":2,"result":"admitted","body":"a"}`} {
		if _, err := ReadHistory(strings.NewReader(line)); err == nil {
			t.Errorf("accepted: %s", line)
		}
	}
}
