package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// walls is what contenders would have measured, in milliseconds and in their order.
func walls(all ...int) (result []series) {
	for _, ms := range all {
		var s series
		if ms > 0 {
			s = series{{wall: time.Duration(ms) * time.Millisecond}}
		}
		result = append(result, s)
	}
	return result
}

func verdicts(r *results) map[string][2]string {
	got := map[string][2]string{}
	for _, row := range r.summary().rows {
		got[row[0]] = [2]string{row[2], row[3]}
	}
	return got
}

func TestSummaryOfNothing(t *testing.T) {
	for what, v := range verdicts(newResults()) {
		if v != [2]string{"not measured", "?"} {
			t.Errorf("%s: %v", what, v)
		}
	}
}

func TestSummary(t *testing.T) {
	r := newResults()
	r.series["speed caddy unchanged registry"] = walls(600, 60, 9000, 1200)
	r.series["speed server unchanged registry"] = walls(300, 61, 2000, 1700)
	r.series["speed caddy change in main registry"] = walls(1000, 1100, 2000, 2000)
	r.series["speed server first build tarball"] = walls(1000, 1050, 2000, 2000)
	r.series["speed caddy first build registry"] = walls(1000, 1201, 2000, 2000)
	r.series["speed four targets change in leaf tarball"] = walls(1000, 1040, 2000, 2000)
	r.series["speed four targets change in leaf registry"] = walls(1000, 1060, 2000, 2000)
	r.series["speed caddy fresh checkout registry"] = walls(1000, 300, 0, 400)
	r.count("counts server unchanged", 2, 0)
	r.count("counts caddy unchanged", 1, -1)
	r.count("counts server fresh checkout", 2, 4)
	r.count("counts server change in main", 7, 8)
	r.count("counts caddy change in leaf", 10, 8)
	r.memory(40<<20, "sizes")
	r.memory(30<<20, "files tarball")

	want := map[string][2]string{
		"unchanged push, caddy ÷ go build with nothing to do": {"0.100", "yes"},
		"the same, aim": {"0.100", "**no**"},
		"unchanged push, caddy: times faster than ko as it comes":             {"150", "yes"},
		"unchanged push, caddy: times faster than ko with KOCACHE":            {"20", "yes"},
		"unchanged push, sample server":                                       {"61.00 ms", "**no**"},
		"change in main, caddy, to the registry ÷ go build":                   {"1.100", "yes"},
		"first build, warm Go cache ÷ go build":                               {"1.201 (caddy first build registry)", "**no**"},
		"four targets of one module ÷ one go build naming all":                {"1.060 (four targets change in leaf registry)", "**no**"},
		"fresh checkout elsewhere, restored caches ÷ go build there":          {"0.300 (caddy fresh checkout registry)", "yes"},
		"requests of an unchanged push":                                       {"2 (server unchanged)", "yes"},
		"requests of a push after a change, SBOM apart":                       {"10 (caddy change in leaf)", "**no**"},
		"a hit: processes that an unchanged push starts, fresh checkouts too": {"4 (server fresh checkout)", "**no**"},
		"peak memory of imgo itself, all cases":                               {"40 MiB (sizes)", "yes"},
	}
	if diff := cmp.Diff(want, verdicts(r)); diff != "" {
		t.Error(diff)
	}
}

// A target whose case nobody runs would never be measured.
func TestTargetsNameCases(t *testing.T) {
	b := &bench{sources: sources}
	known := map[string]bool{}
	for _, s := range b.subjects() {
		for _, to := range s.places {
			for _, what := range s.cases {
				name := caseName(s.program, what, to)
				if known[name] {
					t.Errorf("%s runs twice", name)
				}
				known[name] = true
			}
		}
	}
	r := newResults()
	for name := range known {
		r.series[name] = walls(1, 1, 1, 1)
	}
	r.count(countName("server", unchanged), 1, 1)
	r.count(countName("server", changeMain), 1, 1)
	r.memory(1, "x")
	for what, v := range verdicts(r) {
		if v[1] == unknown {
			t.Errorf("no case decides: %s", what)
		}
	}
}
