package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestMedian(t *testing.T) {
	for name, c := range map[string]struct {
		all  []time.Duration
		want time.Duration
	}{
		"none": {nil, 0},
		"one":  {[]time.Duration{7}, 7},
		"odd":  {[]time.Duration{9, 1, 3}, 3},
		"even": {[]time.Duration{9, 1, 3, 5}, 4},
	} {
		given := slices.Clone(c.all)
		if got := median(c.all); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		if diff := cmp.Diff(given, c.all); diff != "" {
			t.Errorf("%s: the values were reordered:\n%s", name, diff)
		}
	}
}

func TestSeries(t *testing.T) {
	s := series{{wall: 5, cpu: 8, own: 10, largest: 70}, {wall: 1, cpu: 9, own: 30, largest: 50}, {wall: 3, cpu: 7, own: 20, largest: 60}}
	if s.wall() != 3 || s.cpu() != 8 || s.own() != 30 || s.largest() != 70 {
		t.Errorf("wall %d, cpu %d, own %d, largest %d", s.wall(), s.cpu(), s.own(), s.largest())
	}
}

func TestMarkdownAlignsColumns(t *testing.T) {
	s := section{title: "Time", note: "Medians.", header: []string{"case", "imgo ÷ ko"}}
	s.add("unchanged", "0.25")
	s.add("new", "1.00")
	want := `## Time

Medians.

| case      | imgo ÷ ko |
| --------- | --------- |
| unchanged | 0.25      |
| new       | 1.00      |
`
	if diff := cmp.Diff(want, s.markdown()); diff != "" {
		t.Error(diff)
	}
	if got := nonEmpty(section{title: "empty"}, s); len(got) != 1 || got[0].title != "Time" {
		t.Errorf("nonEmpty: %v", got)
	}
}

func TestReport(t *testing.T) {
	s := section{title: "Time", note: "n", header: []string{"a"}}
	got := report(machine{cores: 2, memory: "24 GiB", goTool: "go1.26.8", system: "linux/amd64, kernel 6.18"}, options{runs: 3, only: "speed"}, []section{s})
	for _, want := range []string{
		"3 times\neach", "on 2 cores with 24 GiB of memory, go1.26.8, linux/amd64, kernel 6.18,", `ARGS='-n 3 -write -only "speed"'`, "Only some of the cases", "\n## Time\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("report lacks %q:\n%s", want, got)
		}
	}
}

func TestCells(t *testing.T) {
	got := []string{
		seconds(1234 * time.Millisecond), milliseconds(1234 * time.Microsecond), ratio(3, 2), ratio(3, 0),
		mebibytes(0), mebibytes(64 << 20), within(0), within(64 << 20), within(64<<20 + 1),
	}
	want := []string{"1.23 s", "1.23 ms", "1.50", "–", "?", "64", "?", "yes", "**no**"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHighWater(t *testing.T) {
	for status, want := range map[string]int64{
		"Name:\tVmHWM: 1 kB\nVmPeak:\t  90 kB\nVmHWM:\t   15360 kB\nVmRSS:\t 12 kB\n": 15 << 20,
		"Name:\tzombie\nState:\tZ (zombie)\n":                                         0,
		"Name:\tx\nVmHWM:\tmany kB\n":                                                 0,
	} {
		if got := highWater([]byte(status)); got != want {
			t.Errorf("%q: %d, want %d", status, got, want)
		}
	}
}

func TestTotalMemory(t *testing.T) {
	if got := totalMemory("MemTotal:       24683592 kB\nMemFree: 1 kB\n"); got != "24 GiB" {
		t.Errorf("%q", got)
	}
	if got := totalMemory(""); got != "unknown" {
		t.Errorf("%q", got)
	}
}

func TestParseInits(t *testing.T) {
	got := parseInits(`init runtime @1.3 ms, 0.44 ms clock, 0 bytes, 0 allocs
imgo devel (init cheap @1 ms)
init net/http @4.0 ms, 1.5 ms clock, 4700 bytes, 49 allocs
init os @4.2 ms, 0 ms clock, 8 bytes, 1 allocs
`)
	want := []initializer{
		{"net/http", 1500 * time.Microsecond, 4700, 49},
		{"runtime", 440 * time.Microsecond, 0, 0},
		{"os", 0, 8, 1},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(initializer{})); diff != "" {
		t.Error(diff)
	}
}

func TestParse(t *testing.T) {
	for _, args := range [][]string{{"-n", "0"}, {"-write", "-quick"}, {"stray"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
	got, err := parse([]string{"-n", "3", "-write", "-imgo", "x"})
	if want := (options{runs: 3, imgo: "x", write: true}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

// What would change what a program does must not come from the user; where the go
// command finds modules must.
func TestEnvironment(t *testing.T) {
	got := environment([]string{"GOPROXY=p", "IMGO_BASE=alpine", "KO_DOCKER_REPO=x", "KOCACHE=y", "SOURCE_DATE_EPOCH=1"}, "/w")
	if got[0] != "GOPROXY=p" {
		t.Errorf("the user's GOPROXY is missing: %v", got)
	}
	for _, kv := range got {
		key, value, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(key, "KO") || key == "SOURCE_DATE_EPOCH" || (strings.HasPrefix(key, "IMGO_") && !strings.HasPrefix(value, "/w/")) {
			t.Errorf("%s was taken over", kv)
		}
	}
}

func TestWriteLayoutIsValid(t *testing.T) {
	dir := t.TempDir()
	if err := writeLayout(dir, 300_000, "amd64"); err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	blobs, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
	if err != nil || len(blobs) != 3 {
		t.Errorf("blobs: %v, %v; want layer, config and manifest alone", blobs, err)
	}
}

func TestCopyAndChange(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	if err := os.MkdirAll(filepath.Join(from, "cmd", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, "cmd", "x", "main.go"), []byte("package main\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(to, from); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(to, "cmd", "x", "main.go"))
	if err != nil || info.Mode().Perm()&0o200 == 0 {
		t.Fatalf("%v, %v: want it writable", info, err)
	}
	w := &workload{module: to, main: "cmd/x"}
	seen := map[string]bool{}
	for range 3 {
		if err := w.changeMain(); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(to, "cmd", "x", "imgo_bench.go"))
		if err != nil {
			t.Fatal(err)
		}
		seen[string(data)] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d different contents after 3 changes", len(seen))
	}
}

func TestCounter(t *testing.T) {
	var host string
	registry := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		host = r.Host
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer registry.Close()
	c, proxy, stop, err := startCounter(registry.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for range 2 {
		resp, err := http.Get("http://" + proxy + "/v2/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	resp, err := http.Head("http://" + proxy + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if host != proxy {
		t.Errorf("the registry was addressed as %s, want the proxy's %s", host, proxy)
	}
	resp, err = http.Post("http://"+proxy+"/v2/", "text/plain", strings.NewReader("12345"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := c.take(); got.String() != "4 (1 HEAD, 1 POST, 2 GET)" || got.requests != 4 || got.bytes != 5 {
		t.Errorf("counted %s, %d bytes", got, got.bytes)
	}
	if got := c.take(); got.String() != "0" || got.bytes != 0 {
		t.Errorf("counted %s, %d bytes anew", got, got.bytes)
	}
}
