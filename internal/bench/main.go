// Command bench measures imgo beside what it is to be compared with: bare
// go build, which is what a build can't do without, and ko, on the same work.
//
// Commands take turns within one run, so that whatever else the machine does meets
// all of them alike; what counts are the ratios of their medians. Nothing is
// measured against a number written down earlier or elsewhere.
//
// It needs docker-registry (Debian's package of that name), strace to count processes
// (without it they are unknown), Linux to know memory, and the module proxy
// or a module cache for ko and the real programs that serve as work. All that it
// writes lies in a temporary directory that goes away at the end, also after an
// interrupt; only ko itself stays, in the user's cache directory, and with -write
// the report. Each section of the report has a file of its own: targets.go, speed.go
// (with subjects.go), files.go, counts.go, sizes.go, memory.go, startup.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// The main goroutine starts all processes. They are told to end when the thread
// that started them does, so this must be the thread that ends last.
func init() { runtime.LockOSThread() }

const reportFile = "docs/benchmarks.md"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what all sections share.
type bench struct {
	runs    int            // of each command, besides one to warm up
	quick   bool           // leave out what takes long
	only    *regexp.Regexp // cases to run
	sources []source       // programs to build
	imgo    string         // absolute path of the program
	ko      string         // likewise
	strace  string         // likewise, empty if there is none
	work    string         // temporary directory
	env     []string       // of all commands
	host    string         // of the registry

	repositories int    // made by newRepository
	current      string // case
	results      *results
}

type options struct {
	runs     int
	only     string
	imgo, ko string
	write    bool
	quick    bool
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.imgo, "imgo", "bin/imgo", "`PATH` of the imgo to measure")
	flags.StringVar(&o.ko, "ko", "", "`PATH` of a ko "+koVersion+" (default: built by the bench, once)")
	flags.IntVar(&o.runs, "n", 5, "how `many` times each command runs, after once to warm up")
	flags.StringVar(&o.only, "only", "", "run only cases whose name matches `REGEXP`")
	flags.BoolVar(&o.write, "write", false, "also write the report to "+reportFile)
	flags.BoolVar(&o.quick, "quick", false, "the sample server alone, once, to see that the bench works")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.quick {
		o.runs = 1
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.runs < 1:
		return o, errors.New("-n: at least one run is needed")
	case o.write && o.quick:
		return o, errors.New("-write is for a report that counts: leave out -quick")
	}
	return o, nil
}

func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if _, err := os.Stat(serverModule); err != nil {
		return fmt.Errorf("run this in the root of imgo's module: %w", err)
	}
	b := &bench{runs: o.runs, quick: o.quick, sources: sources, results: newResults()}
	if o.quick {
		b.sources = sources[:1]
	}
	if b.only, err = regexp.Compile(o.only); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if b.work, err = os.MkdirTemp("", "imgo-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	stopRegistry, err := b.prepare(ctx, o)
	if err != nil {
		return err
	}
	defer stopRegistry()

	sections, err := b.measure(ctx)
	if err != nil {
		return err
	}
	if len(sections) == 0 {
		return fmt.Errorf("-only %s matches no case", o.only)
	}
	summary := b.results.summary()
	fmt.Println(summary.markdown())
	if !o.write {
		return nil
	}
	text := report(thisMachine(), o, append([]section{summary}, sections...))
	return os.WriteFile(reportFile, []byte(text), 0o644)
}

// measure prints each section when it is done.
func (b *bench) measure(ctx context.Context) (sections []section, err error) {
	for _, measure := range []func(context.Context) ([]section, error){
		b.speed, b.files, b.counts, b.sizes, b.memory, b.startup,
	} {
		some, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range some {
			fmt.Println(s.markdown())
		}
		sections = append(sections, some...)
	}
	return sections, nil
}

// prepare finds the programs and starts the registry.
func (b *bench) prepare(ctx context.Context, o options) (stop func(), err error) {
	b.env = environment(os.Environ(), b.work)
	for _, dir := range []string{"tmp", "docker", "out"} {
		if err := os.Mkdir(filepath.Join(b.work, dir), 0o755); err != nil {
			return nil, err
		}
	}
	if b.imgo, err = program(o.imgo); err != nil {
		return nil, fmt.Errorf("-imgo: %w", err)
	}
	if o.ko == "" {
		b.ko, err = b.installKo(ctx)
	} else if b.ko, err = program(o.ko); err != nil {
		err = fmt.Errorf("-ko: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if b.strace, err = exec.LookPath("strace"); err != nil {
		fmt.Fprintln(os.Stderr, "bench: without strace, processes are not counted")
	}
	b.host, stop, err = startRegistry(ctx, filepath.Join(b.work, "registry"))
	return stop, err
}

func program(path string) (string, error) {
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// environment is what all commands run in: the user's, for the go command's proxy
// and caches, without what would change what the programs do.
func environment(user []string, work string) []string {
	var env []string
	for _, kv := range user {
		key, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(key, "IMGO_") || strings.HasPrefix(key, "KO") ||
			key == "SOURCE_DATE_EPOCH" || key == "GITHUB_ACTIONS" || key == "GODEBUG" {
			continue
		}
		env = append(env, kv)
	}
	return append(env,
		"GOENV=off", "GOFLAGS=", "GOWORK=off",
		"TMPDIR="+filepath.Join(work, "tmp"),
		"DOCKER_CONFIG="+filepath.Join(work, "docker"),
		"IMGO_CACHE_DIR="+filepath.Join(work, "imgo-cache"),
	)
}

// chosen reports whether the case is to be run, and says so.
func (b *bench) chosen(name string) bool {
	if !b.only.MatchString(name) {
		return false
	}
	fmt.Fprintf(os.Stderr, "bench: %s %s\n", time.Now().Format(time.TimeOnly), name)
	b.current = name
	return true
}
