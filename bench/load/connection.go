package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// connection is one kept-alive HTTP/1.1 connection. Answers must carry a Content-Length.
type connection struct {
	socket net.Conn
	reader *bufio.Reader
	body   []byte
}

func dial(address string) (*connection, error) {
	socket, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{socket: socket, reader: bufio.NewReaderSize(socket, 1<<20)}, nil
}

// request formats one; fields are whole lines without their ends.
func request(method, path string, body string, fields ...string) []byte {
	text := method + " " + path + " HTTP/1.1\r\nHost: bench\r\n"
	for _, field := range fields {
		text += field + "\r\n"
	}
	if body != "" {
		text += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	return []byte(text + "\r\n" + body)
}

// answer is valid until the next one of its connection is received.
type answer struct {
	status     int
	retryAfter bool // Whether it says when to come again.
	body       []byte
}

// exchange sends a request and returns the body of its answer, which must be one of success.
func (c *connection) exchange(request []byte) ([]byte, error) {
	if _, err := c.socket.Write(request); err != nil {
		return nil, err
	}
	return c.success()
}

// success is the body of the next answer, which must be one of success.
func (c *connection) success() ([]byte, error) {
	got, err := c.receive()
	if err != nil {
		return nil, err
	}
	if got.status/100 != 2 {
		return nil, fmt.Errorf("%d: %.300s", got.status, got.body)
	}
	return got.body, nil
}

// refused is whether nothing was done, and it says when to try again.
func (a answer) refused() bool {
	return (a.status == 429 || a.status == 503) && a.retryAfter
}

func (c *connection) receive() (answer, error) {
	var got answer
	line, err := c.reader.ReadString('\n')
	if err != nil {
		return got, err
	}
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &got.status); err != nil {
		return got, fmt.Errorf("no status line: %q", line)
	}
	length := 0
	for {
		line, err := c.reader.ReadString('\n')
		if err != nil {
			return got, err
		}
		if line == "\r\n" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "content-length":
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		case "retry-after":
			got.retryAfter = true
		}
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	got.body = c.body[:length]
	_, err = io.ReadFull(c.reader, got.body)
	return got, err
}
