package probe

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseURL(t *testing.T) {
	for raw, want := range map[string]string{
		"http://:8080/healthz":             "http://127.0.0.1:8080/healthz",
		"http://:8080":                     "http://127.0.0.1:8080/",
		"http://localhost":                 "http://localhost/",
		"HTTP://app.internal:80/a b?c=d e": "http://app.internal:80/a%20b?c=d%20e",
		"http://:80?x":                     "http://127.0.0.1:80/?x",
		"https://[::1]:8443/":              "https://[::1]:8443/",
		"https://[::1]":                    "https://[::1]/",
		"tcp://:5432":                      "tcp://127.0.0.1:5432",
		"tcp://db:5432":                    "tcp://db:5432",
		"http://:80/é":                     "http://127.0.0.1:80/%C3%A9",
	} {
		if err := ParseURL(raw); err != nil {
			t.Errorf("ParseURL(%q): %v", raw, err)
		}
		if diff := cmp.Diff([]string{"CMD", "/imgo/probe", want}, Test(raw, 0)); diff != "" {
			t.Errorf("Test(%q) (-want +got):\n%s", raw, diff)
		}
	}
	if diff := cmp.Diff([]string{"CMD", "/imgo/probe", "tcp://127.0.0.1:1", "-timeout", "1.5s"}, Test("tcp://:1", 1500*time.Millisecond)); diff != "" {
		t.Error(diff)
	}
}

func TestParseURLErrors(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                    `the URL lacks http://, https:// or tcp://`,
		"/healthz":                            `the URL "/healthz" lacks http://, https:// or tcp://`,
		":8080/healthz":                       `the URL can't be read`,
		"localhost:8080":                      `the URL "localhost:8080" begins with localhost://, which is none of http, https and tcp`,
		"ftp://:21":                           `the URL "ftp://:21" begins with ftp://, which is none of http, https and tcp`,
		"http:8080":                           `the URL "http:8080" lacks a host or a port: write http://:8080`,
		"http:///healthz":                     `the URL "http:///healthz" lacks a host or a port: write http://:8080`,
		"http://:/healthz":                    `the URL "http://:/healthz" lacks a port`,
		"http://:0/":                          `the URL "http://:0/" has the port 0, which is not between 1 and 65535`,
		"http://:65536/":                      `the URL "http://:65536/" has the port 65536, which is not between 1 and 65535`,
		"http://:http/":                       `the URL can't be read`,
		"http://u:secret@:80/":                `the URL "http://u:xxxxx@:80/" contains credentials, which everybody could read in the image`,
		"http://u:sec ret@:80/":               `the URL can't be read`,
		"http://:80/#x":                       `the URL "http://:80/#x" has a fragment, which is never sent`,
		"http://:80/#":                        `the URL "http://:80/" has a fragment, which is never sent`,
		"http://[fe80::1%25eth0]:80/":         `the URL "http://[fe80::1%25eth0]:80/" has a host that is no IP address`,
		"http://a,b/":                         `the URL "http://a,b/" has a host with a character that no host has`,
		"tcp://db":                            `the URL "tcp://db" lacks a port`,
		"tcp://:80/x":                         `the URL "tcp://:80/x" has a path, which tcp:// does without`,
		"http://:80/\n":                       `the URL can't be read`,
		"http://" + strings.Repeat("a", 3000): `the URL can't be read`,
	} {
		err := ParseURL(raw)
		var e *URLError
		if !errors.As(err, &e) {
			t.Errorf("ParseURL(%.60q): %v", raw, err)
			continue
		}
		if e.Error() != want {
			t.Errorf("ParseURL(%.60q):\n got %s\nwant %s", raw, e, want)
		}
	}
}

func TestTags(t *testing.T) {
	for _, tt := range []struct {
		urls []string
		want []string
	}{
		{[]string{"http://:80", "tcp://:80"}, []string{"notls"}},
		{[]string{"http://:80", "https://:80"}, nil},
		{[]string{"nonsense"}, nil},
	} {
		if diff := cmp.Diff(tt.want, Tags(tt.urls...)); diff != "" {
			t.Errorf("Tags(%v): %s", tt.urls, diff)
		}
	}
}

// All of the program is in the source, and nothing else.
func TestSource(t *testing.T) {
	files, err := fs.Glob(os.DirFS("program"), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"go.mod"}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			want = append(want, file)
		}
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("the source (-want +got):\n%s", diff)
	}
	for _, name := range names {
		if len(Source()[name]) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	if len(Version()) != 16 {
		t.Errorf("Version is %q", Version())
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := Write(dir); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range names {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	broken := filepath.Join(dir, "main.go")
	if err := os.WriteFile(broken, []byte("half"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]byte{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = data
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if untouched := info.ModTime().Equal(old); untouched != (e.Name() != "main.go") {
			t.Errorf("%s: untouched is %v", e.Name(), untouched)
		}
	}
	if diff := cmp.Diff(Source(), got); diff != "" {
		t.Errorf("the directory (-want +got):\n%s", diff)
	}
	if err := Write(filepath.Join(broken, "x")); err == nil {
		t.Error("a directory below a file")
	}
}

// The source compiles as the module that it is written as, and the program does what
// its exit code says.
func TestCompiled(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir); err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(t.TempDir(), "probe")
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-tags="+strings.Join(Tags("http://:80"), ","), "-ldflags=-s -w", "-o", exe, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOENV=off", "GOFLAGS=", "GOWORK=off", "GOPROXY=off", "GOTOOLCHAIN=local", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 1024)
			n, _ := conn.Read(buf)
			status := "503 Service Unavailable"
			if strings.HasPrefix(string(buf[:n]), "GET /healthz HTTP/1.1\r\nHost: "+l.Addr().String()+"\r\n") {
				status = "204 No Content"
			}
			_, _ = conn.Write([]byte("HTTP/1.1 " + status + "\r\n\r\n"))
			conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		url    string
		code   int
		stderr string
	}{
		{"http://:" + port + "/healthz", 0, ""},
		{"http://:" + port + "/other", 1, "probe: answer is HTTP/1.1 503 Service Unavailable\n"},
		{"nonsense", 2, "probe: the URL begins neither with http://, https:// nor tcp://\n"},
		{"https://:" + port, 2, "probe: this probe was built without https\n"},
	} {
		var stderr strings.Builder
		cmd := exec.Command(exe, Test(tt.url, time.Minute)[2:]...)
		cmd.Stderr = &stderr
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if code := cmd.ProcessState.ExitCode(); code != tt.code || stderr.String() != tt.stderr {
			t.Errorf("probe %s ends with %d, %q", tt.url, code, stderr.String())
		}
	}
}

// What is accepted stays accepted, and the same, after normalization.
func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{"http://:8080/a b?c d", "https://[::1]:1/%2f?%", "tcp://db:1", "http://u@h", "http://h/?", "http://\x80", "http://:80//x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if ParseURL(raw) != nil {
			return
		}
		once := Test(raw, 0)[2]
		if err := ParseURL(once); err != nil && len(once) <= maxURL {
			t.Fatalf("%q becomes %q: %v", raw, once, err)
		}
		for _, c := range []byte(once) {
			if c <= ' ' || c > '~' {
				t.Fatalf("%q becomes %q", raw, once)
			}
		}
		if again := Test(once, 0)[2]; again != once {
			t.Fatalf("%q becomes %q, then %q", raw, once, again)
		}
	})
}
