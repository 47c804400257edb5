package main

import (
	"context"
	"fmt"
)

// speed compares the contenders on each workload, unchanged and changed, to both
// targets.
func (b *bench) speed(ctx context.Context) ([]section, error) {
	time := section{
		title: "Time",
		note: "Medians of wall time, and imgo's as a multiple of the others'. *unchanged*: what was built before is built again. " +
			"*change in main*: another constant in package main each time. " +
			"The last column is the CPU time of imgo and all that it starts, as a multiple of go build's: other work on the machine disturbs it less.",
		header: []string{"program", "case", "to", "go build", "imgo", "ko", "ko, KOCACHE", "imgo ÷ go build", "imgo ÷ ko", "imgo ÷ ko, KOCACHE", "CPU ÷ go build"},
	}
	memory := section{
		title: "Peak memory",
		note: "The highest of all runs, resident, in MiB: of the program's own process, and of the largest process, " +
			"which is the compiler or the linker wherever one of them runs.",
		header: []string{"program", "case", "to", "imgo itself", withinLimit, "ko itself", "largest: go build", "largest: imgo", "largest: ko"},
	}
	prepared := false
	for _, s := range sources {
		for _, c := range []string{"unchanged", "change in main"} {
			for _, target := range []string{"tarball", "registry"} {
				if !b.chosen(fmt.Sprintf("speed %s %s %s", s.name, c, target)) {
					continue
				}
				if !prepared {
					if err := b.prepareKo(ctx); err != nil {
						return nil, err
					}
					prepared = true
				}
				all, err := b.compare(ctx, s, c == "change in main", target == "registry")
				if err != nil {
					return nil, err
				}
				name := []string{s.name, c, target}
				time.add(append(name, times(all)...)...)
				memory.add(append(name, peaks(all)...)...)
			}
		}
	}
	return nonEmpty(time, memory), nil
}

// compare runs the contenders on one case.
func (b *bench) compare(ctx context.Context, s source, changing, push bool) ([]series, error) {
	w, err := b.fetch(ctx, s)
	if err != nil {
		return nil, err
	}
	host := ""
	if push {
		host = b.host
	}
	before := func() error { return nil }
	if changing {
		before = w.change
	}
	return b.alternate(ctx, b.contenders(w, host), before)
}

func times(all []series) []string {
	own := all[imgo].wall()
	return []string{
		seconds(all[goBuild].wall()), seconds(own), seconds(all[ko].wall()), seconds(all[koCached].wall()),
		ratio(own, all[goBuild].wall()), ratio(own, all[ko].wall()), ratio(own, all[koCached].wall()),
		ratio(all[imgo].cpu(), all[goBuild].cpu()),
	}
}

func peaks(all []series) []string {
	return []string{
		mebibytes(all[imgo].own()), within(all[imgo].own()), mebibytes(all[ko].own()),
		mebibytes(all[goBuild].largest()), mebibytes(all[imgo].largest()), mebibytes(all[ko].largest()),
	}
}
