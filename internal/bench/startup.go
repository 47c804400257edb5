package main

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// startup measures what every command pays before it does anything.
func (b *bench) startup(ctx context.Context) ([]section, error) {
	if !b.chosen("start-up") {
		return nil, nil
	}
	version := command{dir: b.work, args: []string{b.imgo, "version"}}
	all, err := b.alternate(ctx, []contender{always([]command{version}, nil)}, true)
	if err != nil {
		return nil, err
	}
	version.env = []string{"GODEBUG=inittrace=1"}
	traced, err := b.run(ctx, version)
	if err != nil {
		return nil, err
	}
	inits := parseInits(traced.output)
	var total time.Duration
	for _, i := range inits {
		total += i.clock
	}
	s := section{
		title: "Start-up",
		note: fmt.Sprintf("`imgo version` takes %s. In one run, initialising %d packages took %s of it; the costliest are:",
			milliseconds(all[0].wall()), len(inits), milliseconds(total)),
		header: []string{"package", "time", "allocated kB", "allocations"},
	}
	for _, i := range inits[:min(10, len(inits))] {
		s.add(i.path, milliseconds(i.clock), fmt.Sprintf("%.1f", float64(i.bytes)/1000), strconv.Itoa(i.allocs))
	}
	return []section{s}, nil
}

// initializer is the initialisation of one package.
type initializer struct {
	path          string
	clock         time.Duration
	bytes, allocs int
}

var initLine = regexp.MustCompile(`^init (\S+) @\S+ ms, (\S+) ms clock, (\d+) bytes, (\d+) allocs$`)

// parseInits reads what GODEBUG=inittrace=1 prints. The costliest come first.
func parseInits(output string) (inits []initializer) {
	for line := range strings.Lines(output) {
		m := initLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		clock, err := time.ParseDuration(m[2] + "ms")
		if err != nil {
			continue
		}
		i := initializer{path: m[1], clock: clock}
		i.bytes, _ = strconv.Atoi(m[3])
		i.allocs, _ = strconv.Atoi(m[4])
		inits = append(inits, i)
	}
	slices.SortStableFunc(inits, func(a, b initializer) int { return cmp.Compare(b.clock, a.clock) })
	return inits
}
