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

// exchange sends a request and reads its whole answer, which is valid until the next exchange.
func (c *connection) exchange(request []byte) ([]byte, error) {
	if _, err := c.socket.Write(request); err != nil {
		return nil, err
	}
	status, err := c.reader.ReadString('\n')
	if err != nil {
		return nil, err
	}
	length := 0
	for {
		line, err := c.reader.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line == "\r\n" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "content-length") {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	if _, err := io.ReadFull(c.reader, c.body); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 2") {
		return nil, fmt.Errorf("%s: %.300s", strings.TrimSpace(status), c.body)
	}
	return c.body, nil
}
