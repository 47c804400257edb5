package main

// results is what the targets are held against.
type results struct {
	series   map[string][]series // of the contenders, by the name of the case
	requests map[string]int      // imgo's, by the name of the case
	children map[string]int      // processes that imgo and its descendants started, likewise
	peak     int64               // the highest of imgo itself, in bytes
	peakCase string
}

func newResults() *results {
	return &results{series: map[string][]series{}, requests: map[string]int{}, children: map[string]int{}}
}

// memory takes note of a peak of imgo's own memory.
func (r *results) memory(peak int64, in string) {
	if peak > r.peak {
		r.peak, r.peakCase = peak, in
	}
}

// count takes note of what a push did; children is negative where it isn't known.
func (r *results) count(name string, requests, children int) {
	r.requests[name] = requests
	if children >= 0 {
		r.children[name] = children
	}
}

// caseName is how -only and the results know a case that all contenders run.
func caseName(program, what, to string) string {
	return "speed " + program + " " + what + " " + to
}

// The cases by name.
const (
	unchanged    = "unchanged"
	changeMain   = "change in main"
	changeLeaf   = "change in leaf"
	firstBuild   = "first build"
	fourTargets  = "four targets"
	twoPlatforms = "two platforms"
	fresh        = "fresh checkout"
)

// places are where images go.
var places = []string{"tarball", "registry"}
