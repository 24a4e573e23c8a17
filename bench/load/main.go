// Load that wrk does not give: appends at a steady rate with honest latencies, a filled topic, a
// follower, idle connections, more than the server can do. Speaks HTTP/1.1 by hand: on two cores a
// client library would be a good part of what is measured. Each command prints one line of JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

const usage = `usage: load append HOST:PORT TOPIC BYTES RATE SECONDS CONNECTIONS
       load fill HOST:PORT TOPIC BYTES EVENTS
       load follow HOST:PORT TOPIC EVENTS
       load idle HOST:PORT CONNECTIONS SECONDS
       load overload HOST:PORT TOPIC BYTES FACTOR SECONDS CONNECTIONS`

func main() {
	if len(os.Args) < 3 {
		fail(usage)
	}
	arguments := os.Args[2:]
	commands := map[string]struct {
		count int
		run   func([]string) (any, error)
	}{"append": {6, appendSteadily}, "fill": {4, fill}, "follow": {3, follow}, "idle": {3, idle},
		"overload": {6, overload}}
	command, known := commands[os.Args[1]]
	if !known || len(arguments) != command.count {
		fail(usage)
	}
	found, err := command.run(arguments)
	if err != nil {
		fail(err)
	}
	line, _ := json.Marshal(found)
	fmt.Println(string(line))
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil || value <= 0 {
		fail(text + " is no positive number")
	}
	return value
}
