package main

import (
	"fmt"
	"strings"
	"time"
)

// verdict is a measured value beside what it is to be.
type verdict struct {
	value string
	met   bool
	from  string // the case that decides, where there are several
}

// target is a promise. A nil verdict means that its case wasn't run.
type target struct {
	what  string
	limit string
	judge func(*results) *verdict
}

// targets is what imgo sets out to reach.
var targets = []target{
	{"unchanged push, caddy ÷ go build with nothing to do", "≤ 0.10", ratioWithin(0.10, goBuild, caseName("caddy", unchanged, "registry"))},
	{"the same, aim", "≤ 0.05", ratioWithin(0.05, goBuild, caseName("caddy", unchanged, "registry"))},
	{"unchanged push, caddy: times faster than ko as it comes", "some 140", timesFaster(140, ko, caseName("caddy", unchanged, "registry"))},
	{"unchanged push, caddy: times faster than ko with KOCACHE", "some 20", timesFaster(20, koCached, caseName("caddy", unchanged, "registry"))},
	{"unchanged push, sample server", "≤ 60 ms", wallWithin(60*time.Millisecond, caseName("server", unchanged, "registry"))},
	{"change in main, caddy, to the registry ÷ go build", "≤ 1.10", ratioWithin(1.10, goBuild, caseName("caddy", changeMain, "registry"))},
	{"first build, warm Go cache ÷ go build", "≤ 1.10", ratioWithin(1.10, goBuild, everywhere(firstBuild)...)},
	{"four targets of one module ÷ one go build naming all", "≤ 1.05", ratioWithin(1.05, goBuild, caseName(fourTargets, changeLeaf, "tarball"), caseName(fourTargets, changeLeaf, "registry"))},
	{"fresh checkout elsewhere, restored caches ÷ go build there", "≤ 0.30", ratioWithin(0.30, goBuild, everywhere(fresh)...)},
	{"requests of an unchanged push", "≤ 2", countWithin(2, requestsOf, unchanged)},
	{"requests of a push after a change, SBOM apart", "≤ 9", countWithin(9, requestsOf, changeMain, changeLeaf)},
	{"a hit: processes that an unchanged push starts, fresh checkouts too", "0", countWithin(0, childrenOf, unchanged, fresh)},
	{"peak memory of imgo itself, all cases", withinLimit, peakWithin(memoryLimit)},
}

// everywhere names a case for all programs and places.
func everywhere(what string) (names []string) {
	for _, s := range sources {
		for _, to := range places {
			names = append(names, caseName(s.name, what, to))
		}
	}
	return names
}

// summary holds the results against the targets.
func (r *results) summary() section {
	s := section{
		title:  "Targets",
		note:   "Computed from what was measured in this run. Where several cases count, the worst of them decides, and is named.",
		header: []string{"what", "target", "measured", "reached"},
	}
	for _, t := range targets {
		v := t.judge(r)
		if v == nil {
			s.add(t.what, t.limit, "not measured", unknown)
			continue
		}
		if v.from != "" {
			name := strings.TrimPrefix(strings.TrimPrefix(v.from, "speed "), "counts ")
			v.value += " (" + name + ")"
		}
		s.add(t.what, t.limit, v.value, yesNo(v.met))
	}
	return s
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "**no**"
}

// worst is the highest of a value among those cases that were run, and its case if
// several could have been. The value is not known where ok is false.
func worst(names []string, value func(name string) (v float64, ok bool)) (highest float64, from string, ok bool) {
	for _, name := range names {
		if v, known := value(name); known && (!ok || v > highest) {
			highest, from, ok = v, name, true
		}
	}
	if len(names) == 1 {
		from = ""
	}
	return highest, from, ok
}

// quotient is imgo's wall time divided by another contender's.
func (r *results) quotient(name string, other int) (float64, bool) {
	all := r.series[name]
	if all == nil || all[imgo].wall() == 0 || all[other].wall() == 0 {
		return 0, false
	}
	return float64(all[imgo].wall()) / float64(all[other].wall()), true
}

func ratioWithin(limit float64, other int, names ...string) func(*results) *verdict {
	return func(r *results) *verdict {
		highest, from, ok := worst(names, func(name string) (float64, bool) { return r.quotient(name, other) })
		if !ok {
			return nil
		}
		return &verdict{fmt.Sprintf("%.3f", highest), highest <= limit, from}
	}
}

func timesFaster(limit float64, other int, name string) func(*results) *verdict {
	return func(r *results) *verdict {
		q, ok := r.quotient(name, other)
		if !ok {
			return nil
		}
		return &verdict{fmt.Sprintf("%.0f", 1/q), 1/q >= limit, ""}
	}
}

func wallWithin(limit time.Duration, name string) func(*results) *verdict {
	return func(r *results) *verdict {
		all := r.series[name]
		if all == nil {
			return nil
		}
		wall := all[imgo].wall()
		return &verdict{milliseconds(wall), wall <= limit, ""}
	}
}

func requestsOf(r *results) map[string]int { return r.requests }
func childrenOf(r *results) map[string]int { return r.children }

func countWithin(limit int, of func(*results) map[string]int, cases ...string) func(*results) *verdict {
	var names []string
	for _, s := range sources {
		for _, c := range cases {
			names = append(names, countName(s.name, c))
		}
	}
	return func(r *results) *verdict {
		most, from, ok := worst(names, func(name string) (float64, bool) {
			n, ok := of(r)[name]
			return float64(n), ok
		})
		if !ok {
			return nil
		}
		return &verdict{fmt.Sprintf("%.0f", most), int(most) <= limit, from}
	}
}

func peakWithin(limit int64) func(*results) *verdict {
	return func(r *results) *verdict {
		if r.peak == 0 {
			return nil
		}
		return &verdict{mebibytes(r.peak) + " MiB", r.peak <= limit, r.peakCase}
	}
}
