// Package fastpathtest proves that what imgo remembers never replaces what imgo would
// build: that an image made with a cache full of memories equals the one made with an
// empty cache, whatever happened in between.
//
// The test makes a small workspace (modules, embedded files, assembly, links, a
// repository around it all), changes it in random ways, step by step, and builds after
// each step twice: with the cache that all earlier steps wrote to, and with an empty one.
// The digests must be equal, or both builds must fail, with the same words. Then it builds
// again without a change: many of these builds must be fast, or the test would prove
// nothing. It knows imgo from outside only, and the operations know nothing of how the
// fast path works: they are what people, editors, git and CI systems do to files, and
// what somebody would do who wants to deceive imgo.
//
// Plain "go test" makes a few steps. More:
//
//	make unit                                 # some more
//	make property                             # thousands, with another seed each time
//	make property SEED=17 STEPS=500           # those that failed before
//
// A failure prints the seed, the step and what was done last, and leaves the workspace.
// The same seed does the same in the same order, apart from edits during a build, which
// happen when they happen. There is no shrinking: the last operations mostly tell.
package fastpathtest
