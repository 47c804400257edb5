// Command probe asks a server whether it is well. It is the health check of images
// that have neither a shell nor curl: imgo compiles it with the user's go command and
// puts it into them.
//
//	probe URL [-timeout 5s]
//
// http:// and https:// send a GET and take a status from 200 to 399 for health,
// without following redirects. tcp://HOST:PORT only connects. The exit code is 0 for
// healthy, 1 for unhealthy, with the reason in one line on stderr, and 2 for wrong
// usage.
//
// The program must stay small, so it uses little of the standard library: package
// net, and with https crypto/tls, which is left out by the build tag notls.
package main

import (
	"errors"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], func(line string) { os.Stderr.WriteString("probe: " + line + "\n") }))
}

const usage = "usage: probe URL [-timeout 5s]"

// run is main with its arguments; complain prints a line.
func run(args []string, complain func(string)) int {
	rawURL, timeout, ok := parseArgs(args)
	if !ok {
		complain(usage)
		return 2
	}
	t, err := parseTarget(rawURL)
	if err != nil {
		complain(err.Error())
		return 2
	}
	if err := probe(t, time.Now().Add(timeout)); err != nil {
		complain(reason(err, timeout))
		return 1
	}
	return 0
}

// parseArgs takes the flag before or after the URL, and as -timeout=5s, too.
func parseArgs(args []string) (rawURL string, timeout time.Duration, ok bool) {
	timeout = 5 * time.Second
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		value, isTimeout := strings.CutPrefix(arg, "-timeout=")
		if arg == "-timeout" && len(args) > 0 {
			value, isTimeout = args[0], true
			args = args[1:]
		}
		switch {
		case isTimeout:
			d, err := time.ParseDuration(value)
			if err != nil || d <= 0 {
				return "", 0, false
			}
			timeout = d
		case rawURL != "" || arg == "" || arg[0] == '-':
			return "", 0, false
		default:
			rawURL = arg
		}
	}
	return rawURL, timeout, rawURL != ""
}

// probe asks the server, until the deadline.
func probe(t target, deadline time.Time) error {
	dialer := net.Dialer{Deadline: deadline}
	conn, err := dialer.Dial("tcp", t.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	switch t.scheme {
	case "tcp":
		return nil
	case "https":
		if conn, err = secure(conn, t); err != nil {
			return err
		}
	}
	return get(conn, t)
}

// reason is an error in one line.
func reason(err error, timeout time.Duration) string {
	var e net.Error
	if errors.As(err, &e) && e.Timeout() {
		return "no answer within " + timeout.String()
	}
	return oneLine(err.Error())
}

// oneLine makes what a server said printable.
func oneLine(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
