package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
)

// maxHeader is how much of an answer is read at most.
const maxHeader = 64 << 10

// get sends a request and reads the status of its answer, and nothing behind it.
func get(conn net.Conn, t target) error {
	request := "GET " + t.path + " HTTP/1.1\r\n" +
		"Host: " + t.header + "\r\n" +
		"User-Agent: imgo-probe\r\n" +
		"Accept: */*\r\n" +
		"Connection: close\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	answer := bufio.NewReader(io.LimitReader(conn, maxHeader))
	for {
		status, line, err := readStatus(answer)
		if err != nil {
			return err
		}
		switch {
		case status >= 200 && status <= 399:
			return nil
		case status >= 400 || status == 101:
			return errors.New("answer is " + line)
		}
		// An interim answer: the final one comes behind its header.
		for blank := false; !blank; {
			line, err := readLine(answer)
			if err != nil {
				return err
			}
			blank = line == ""
		}
	}
}

// readStatus reads a status line, such as "HTTP/1.1 200 OK".
func readStatus(r *bufio.Reader) (status int, line string, err error) {
	line, err = readLine(r)
	if err != nil {
		return 0, "", err
	}
	rest, ok := strings.CutPrefix(line, "HTTP/1.")
	if ok && len(rest) >= 5 && rest[1] == ' ' && (len(rest) == 5 || rest[5] == ' ') {
		for _, c := range []byte(rest[2:5]) {
			if c < '0' || c > '9' {
				return 0, "", errNoHTTP
			}
			status = 10*status + int(c-'0')
		}
	}
	if status < 100 {
		return 0, "", errNoHTTP
	}
	return status, line, nil
}

var errNoHTTP = errors.New("answer is not one of HTTP/1")

// readLine reads a line of at most 4 KiB, the size of the reader's buffer.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		return "", errNoHTTP
	case err == io.EOF && len(line) == 0:
		return "", errors.New("connection closed without an answer")
	case err == io.EOF:
		return "", errNoHTTP
	case err != nil:
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}
