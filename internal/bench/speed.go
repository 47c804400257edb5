package main

import (
	"context"
	"strings"
)

// speed compares the contenders on each workload, in each case, to both places.
func (b *bench) speed(ctx context.Context) ([]section, error) {
	time := section{
		title: "Time",
		note: "Medians of wall time, and imgo's as a multiple of the others'. *unchanged*: what was built before is built again. " +
			"*change in main*, *in leaf*: another constant each time, in package main or in a package that few others import (" + leaves() + "). " +
			"*first build*: the Go build cache is warm, imgo's and KOCACHE are empty and go build's binary is gone, so that everybody links. " +
			"*four targets*: four small servers of one module, go build naming all four; the change is in a package that all import. " +
			"*two platforms*: linux/amd64 and linux/arm64, beside two go builds, one after the other. " +
			"*fresh checkout*: sources copied to another directory, caches restored from elsewhere, both with new timestamps, no binary there; " +
			"ko as it comes has nothing to restore. " +
			"ko has no tarballs of two platforms either. " +
			"nats-server goes to the registry alone, to save time. " +
			"The last column is the CPU time of imgo and all that it starts, as a multiple of go build's: other work on the machine disturbs it less.",
		header: []string{"program", "case", "to", "go build", "imgo", "ko", "ko, KOCACHE", "imgo ÷ go build", "imgo ÷ ko", "imgo ÷ ko, KOCACHE", "CPU ÷ go build"},
	}
	memory := section{
		title: "Peak memory",
		note: "The highest of all runs, resident, in MiB: of the program's own process, and of the largest process, " +
			"which is the compiler or the linker wherever one of them runs.",
		header: []string{"program", "case", "to", "imgo itself", withinLimit, "ko itself", "largest: go build", "largest: imgo", "largest: ko"},
	}
	for _, subject := range b.subjects() {
		for _, to := range subject.places {
			warm := false
			for _, what := range subject.cases {
				name := caseName(subject.program, what, to)
				if !b.chosen(name) {
					continue
				}
				all, err := b.compare(ctx, subject, what, to, !warm)
				if err != nil {
					return nil, err
				}
				warm = true
				b.results.series[name] = all
				row := []string{subject.program, what, to}
				time.add(append(row, times(all)...)...)
				memory.add(append(row, peaks(all)...)...)
			}
		}
	}
	return nonEmpty(time, memory), nil
}

// leaves tells which package is changed where.
func leaves() string {
	var all []string
	for _, s := range sources {
		all = append(all, s.leaf+" of "+s.name)
	}
	return strings.Join(all, ", ")
}

// compare runs the contenders on one case.
func (b *bench) compare(ctx context.Context, s subject, what, to string, warmUp bool) ([]series, error) {
	if err := b.prepareKo(ctx); err != nil {
		return nil, err
	}
	j, err := s.prepare(ctx)
	if err != nil {
		return nil, err
	}
	if to == "registry" {
		j.host = b.host
	}
	var contenders []contender
	switch what {
	case unchanged:
		contenders = b.contenders(j, nil)
	case changeMain:
		contenders = b.contenders(j, j.w.changeMain)
	case changeLeaf:
		contenders = b.contenders(j, j.w.changeLeaf)
	case firstBuild:
		contenders, err = b.firstContenders(ctx, j)
		warmUp = false
	case fresh:
		contenders, err = b.freshContenders(ctx, j)
		warmUp = false
	}
	if err != nil {
		return nil, err
	}
	return b.alternate(ctx, contenders, warmUp)
}

// contenders do a job after before.
func (b *bench) contenders(j job, before func() error) (all []contender) {
	for _, commands := range b.commands(j) {
		all = append(all, always(commands, before))
	}
	return all
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
