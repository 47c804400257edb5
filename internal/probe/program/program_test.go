package main

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// serve answers every request with the same bytes, once its header is complete. An
// answer of "hang" is none until the client goes. It returns the address.
func serve(t *testing.T, l net.Listener, answer string) string {
	t.Helper()
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				var request strings.Builder
				buf := make([]byte, 1024)
				for !strings.HasSuffix(request.String(), "\r\n\r\n") {
					n, err := conn.Read(buf)
					if err != nil {
						return
					}
					request.Write(buf[:n])
				}
				if answer == "hang" {
					_, _ = conn.Read(buf)
					return
				}
				_, _ = conn.Write([]byte(strings.ReplaceAll(answer, "{request}", request.String())))
			})
		}
	})
	return l.Addr().String()
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// check runs the program and expects a code and what stderr contains.
func check(t *testing.T, code int, stderr string, args ...string) {
	t.Helper()
	var lines []string
	got := run(args, func(line string) { lines = append(lines, line) })
	all := strings.Join(lines, "\n")
	if got != code || !strings.Contains(all, stderr) || (stderr == "") != (all == "") || strings.Contains(all, "\n") {
		t.Errorf("probe %v ends with %d: %s", args, got, all)
	}
}

func TestAnswers(t *testing.T) {
	for answer, tt := range map[string]struct {
		code   int
		stderr string
	}{
		"HTTP/1.1 200 OK\r\n\r\nbody": {0, ""},
		"HTTP/1.0 204\r\n":            {0, ""},
		"HTTP/1.1 200 OK\nX: y\n\n":   {0, ""},
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n": {0, ""},
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20):         {0, ""},
		"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n": {0, ""},
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\n\r\n":        {1, "answer is HTTP/1.1 500 No"},
		"HTTP/1.1 101 Switching Protocols\r\n\r\n":                    {1, "answer is HTTP/1.1 101"},
		"HTTP/1.1 500 \x1b[31mred\r\n\r\n":                            {1, "answer is HTTP/1.1 500 ?[31mred"},
		"HTTP/1.1 404 Not Found\r\n\r\n":                              {1, "404"},
		"HTTP/1.1 99\r\n\r\n":                                         {1, "not one of HTTP/1"},
		"HTTP/1.1 2000 OK\r\n\r\n":                                    {1, "not one of HTTP/1"},
		"HTTP/1.1 2x0 OK\r\n\r\n":                                     {1, "not one of HTTP/1"},
		"HTTP/2 200\r\n\r\n":                                          {1, "not one of HTTP/1"},
		"HTTP/1.1 200 OK":                                             {1, "not one of HTTP/1"},
		"garbage\r\n":                                                 {1, "not one of HTTP/1"},
		strings.Repeat("x", 1<<20):                                    {1, "not one of HTTP/1"},
		"":                                                            {1, "closed without an answer"},
		strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10000):        {1, "not one of HTTP/1"},
		"HTTP/1.1 100 Continue\r\nX: " + strings.Repeat("x", 5000):    {1, "not one of HTTP/1"},
		"HTTP/1.1 500 {request}":                                      {1, "answer is HTTP/1.1 500 GET /a?b HTTP/1.1"},
	} {
		address := serve(t, listen(t, "127.0.0.1:0"), answer)
		check(t, tt.code, tt.stderr, "http://"+address+"/a?b")
	}
}

func TestRequest(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 1024)
		n, _ := conn.Read(buf)
		got <- string(buf[:n])
		_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	check(t, 0, "", "-timeout=1m", "http://:"+port+"?x=1")
	want := "GET /?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + port + "\r\nUser-Agent: imgo-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n"
	if request := <-got; request != want {
		t.Errorf("the request is %q", request)
	}
}

func TestNoAnswer(t *testing.T) {
	hanging := serve(t, listen(t, "127.0.0.1:0"), "hang")
	check(t, 1, "no answer within 20ms", "http://"+hanging, "-timeout", "20ms")
	check(t, 0, "", "tcp://"+hanging)

	l := listen(t, "127.0.0.1:0")
	refusing := l.Addr().String()
	l.Close()
	check(t, 1, "refused", "http://"+refusing)
	check(t, 1, "refused", "tcp://"+refusing)
}

func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		// A machine without IPv6 can still show that the address is understood.
		check(t, 1, "[::1]:1", "http://[::1]:1/")
		return
	}
	check(t, 0, "", "http://"+serve(t, l, "HTTP/1.1 200 OK\r\n"))
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{}, {"-h"}, {"http://:1", "http://:1"}, {"http://:1", "-timeout"}, {"http://:1", "-timeout", "x"},
		{"http://:1", "-timeout=-1s"}, {"http://:1", "-timeout=0"}, {""},
	} {
		check(t, 2, usage, args...)
	}
	for _, url := range []string{"x", "ftp://:1", "tcp://host", "http://u:p@:1", "http://:1/a\r\nX: y", "http://:1/a b", "http://:1/#", "http://\xff"} {
		check(t, 2, "the URL", url)
	}
}

func TestTarget(t *testing.T) {
	for url, want := range map[string]target{
		"http://a":         {"http", "a:80", "a", "a", "/"},
		"http://[::1]:1?x": {"http", "[::1]:1", "::1", "[::1]:1", "/?x"},
		"tcp://:5":         {"tcp", "127.0.0.1:5", "127.0.0.1", "127.0.0.1:5", "/"},
	} {
		if got, err := parseTarget(url); err != nil || got != want {
			t.Errorf("parseTarget(%s) = %+v, %v", url, got, err)
		}
	}
}

func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"http://:8080/healthz", "https://[::1]:1/?a", "tcp://a:1", "http://a@b", "http://[", "http://]:1", "tcp://::1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		got, err := parseTarget(url)
		if err != nil {
			return
		}
		if strings.ContainsAny(got.path+got.header, " \r\n#") || got.path[0] != '/' || got.host == "" || got.header == "" {
			t.Fatalf("parseTarget(%q) = %+v", url, got)
		}
		if _, _, err := net.SplitHostPort(got.address); err != nil && !strings.ContainsAny(got.host, "[]") {
			t.Fatalf("parseTarget(%q) = %+v: %v", url, got, err)
		}
	})
}
