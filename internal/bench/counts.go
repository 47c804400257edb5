package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// counts tells what a push starts and sends, as counted in one run.
func (b *bench) counts(ctx context.Context) ([]section, error) {
	s := section{
		title: "Processes, requests, bytes",
		note: "Of one push each. *subprocesses*: all programs that the command and its descendants start, as strace sees them. " +
			"*requests*, *sent*: HTTP requests to the registry that the image goes to, and the bytes of their bodies in kB. " +
			"imgo's and ko's include their SBOMs, and leave out the base's, which lies elsewhere. *first build*: the Go build cache is warm, imgo's cache and KOCACHE are empty, the repository too.",
		header: []string{"program", "case", "command", "subprocesses", "requests", "sent"},
	}
	var meter *counter
	var host string
	for _, source := range b.sources {
		if source.name == "nats-server" || !b.chosen("counts "+source.name) {
			continue
		}
		if err := b.prepareKo(ctx); err != nil {
			return nil, err
		}
		if meter == nil {
			var stop func()
			var err error
			if meter, host, stop, err = startCounter(b.host); err != nil {
				return nil, err
			}
			defer stop()
		}
		w, err := b.fetch(ctx, source)
		if err != nil {
			return nil, err
		}
		if err := b.count(ctx, &s, job{w: w, host: b.newRepository(host)}, meter); err != nil {
			return nil, err
		}
	}
	return nonEmpty(s), nil
}

// count adds a row for each case and contender, in the order in which they happen.
func (b *bench) count(ctx context.Context, s *section, j job, meter *counter) error {
	forget := func() error { return removeAll([]string{b.binaries(j.w), b.imgoCache(), b.koCache()}) }
	for _, c := range []struct {
		name       string
		contenders func() ([]contender, error)
	}{
		{firstBuild, func() ([]contender, error) { return b.contenders(j, nil), forget() }},
		{unchanged, func() ([]contender, error) { return b.contenders(j, nil), nil }},
		{changeMain, func() ([]contender, error) { return b.contenders(j, j.w.changeMain), nil }},
		{changeLeaf, func() ([]contender, error) { return b.contenders(j, j.w.changeLeaf), nil }},
		{fresh, func() ([]contender, error) { return b.freshContenders(ctx, j) }},
	} {
		contenders, err := c.contenders()
		if err != nil {
			return err
		}
		for i, prepare := range contenders {
			if prepare == nil {
				continue
			}
			commands, err := prepare()
			if err != nil {
				return err
			}
			row, err := b.countOne(ctx, commands[0], meter)
			if err != nil {
				return err
			}
			if i == goBuild {
				row.requests, row.sent = notApplicable, notApplicable
			}
			s.add(j.w.name, c.name, contenderNames[i], row.children.String(), row.requests, row.sent)
			if i != imgo {
				continue
			}
			if c.name == changeMain || c.name == changeLeaf {
				// What is limited are the requests for the image alone.
				if commands, err = prepare(); err != nil {
					return err
				}
				commands[0].args = append(commands[0].args, "--sbom", "none")
				if row, err = b.countOne(ctx, commands[0], meter); err != nil {
					return err
				}
				s.add(j.w.name, c.name, "imgo --sbom none", row.children.String(), row.requests, row.sent)
			}
			b.results.count(countName(j.w.name, c.name), row.traffic.requests, int(row.children))
		}
	}
	return nil
}

// counted is what one command started and sent.
type counted struct {
	children       children
	traffic        traffic
	requests, sent string
}

func (b *bench) countOne(ctx context.Context, c command, meter *counter) (counted, error) {
	meter.take()
	children, err := b.countChildren(ctx, c)
	if err != nil {
		return counted{}, err
	}
	t := meter.take()
	return counted{children, t, t.String(), kilobytes(t.bytes)}, nil
}

// countName is how the results know a case of counts.
func countName(program, what string) string { return "counts " + program + " " + what }

var contenderNames = []string{goBuild: "go build", imgo: "imgo", ko: "ko", koCached: "ko, KOCACHE"}

// children is a number of processes, negative if it isn't known.
type children int

func (n children) String() string {
	if n < 0 {
		return unknown
	}
	return strconv.Itoa(int(n))
}

// countChildren runs a command under strace, and without it if there is none.
func (b *bench) countChildren(ctx context.Context, c command) (children, error) {
	if b.strace == "" {
		_, err := b.run(ctx, c)
		return -1, err
	}
	log := filepath.Join(b.work, "tmp", "strace.log")
	c.args = append([]string{
		b.strace, "-f", "--seccomp-bpf", "-qq", "-s", "0", "-e", "trace=execve", "-e", "signal=none", "-o", log,
	}, c.args...)
	if _, err := b.run(ctx, c); err != nil {
		return -1, fmt.Errorf("counting processes: %w", err)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		return -1, err
	}
	return countExecs(string(data)) - 1, nil // the command itself
}

// countExecs counts programs that began to run: with -f, a call that another process
// interrupts takes two lines of strace's, of which the second has the result.
func countExecs(log string) (n children) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "execve") && strings.HasSuffix(strings.TrimSpace(line), " = 0") {
			n++
		}
	}
	return n
}
