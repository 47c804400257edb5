package fastpathtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// steps is how many changes are made.
func steps(t *testing.T) int {
	if text := os.Getenv("IMGO_PROPERTY_STEPS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("IMGO_PROPERTY_STEPS: %v", err)
		}
		return n
	}
	if os.Getenv("IMGO_TEST_LONG") != "" {
		return 40
	}
	return 2
}

func TestWhatIsRememberedIsWhatWouldBeBuilt(t *testing.T) {
	seed, n := *seedFlag, steps(t)
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d, %d steps", seed, n)
	p := &property{world: newWorld(t), costly: n > 40}
	begin := time.Now()
	for i := range n {
		p.rand = rand.New(rand.NewPCG(seed, uint64(i)))
		if !p.step(i) {
			t.Fatalf("seed %d, step %d of %d. The last steps:\n%s\nThe workspace is left in %s, the cache in %s.\n%v",
				seed, i, n, strings.Join(p.history, "\n"), p.site.dir, p.cache, p.world)
		}
		if n > 40 && i%100 == 99 {
			t.Logf("after %s: %s", time.Since(begin).Round(time.Second), &p.counts)
		}
	}
	t.Log(&p.counts)
	if c := p.counts; c.changed < n/5 || c.unchanged < n/4 {
		t.Errorf("the operations changed too little or broke too much: %s", &c)
	}
	if c := p.counts; c.fast*3 < c.unchanged {
		t.Errorf("of %d builds without a change only %d were fast", c.unchanged, c.fast)
	}
	p.remove()
}

// property is a world with what happened in it.
type property struct {
	*world
	counts
	costly  bool     // take part in what compiles the standard library anew
	history []string // what the last steps did
	broken  bool     // the last build failed
	last    outcome  // of the reference
}

// counts are for a judgement on the test itself.
type counts struct {
	steps     int
	changed   int // steps whose image is another one than the step's before
	failed    int // steps whose builds failed
	unchanged int // builds without a change, of what should be fast
	fast      int // of them
}

func (c *counts) String() string {
	return fmt.Sprintf("%d steps: %d changed the image, %d failed; %d builds without a change, %d of them fast",
		c.steps, c.changed, c.failed, c.unchanged, c.fast)
}

// step changes something and builds. It reports whether all is well.
func (p *property) step(i int) bool {
	p.steps++
	p.did(fmt.Sprintf("%4d: ", i) + strings.Join(p.change(), "; "))
	if p.chance(2) {
		time.Sleep(30 * time.Millisecond) // else files are too young to be trusted
	}
	wanted := make(chan outcome, 1)
	go func() {
		defer close(wanted) // also where the test was ended in it
		wanted <- p.reference()
	}()
	build := p.build
	if p.chance(8) {
		p.did("built in a process of its own")
		build = p.buildApart
	}
	got, want := build(p.cache), <-wanted
	if !p.equal("the build", got, want) {
		return false
	}
	if want.err == "" && !slices.Equal(want.images, p.last.images) {
		p.changed++
	}
	p.last, p.broken = want, want.err != ""
	if p.broken {
		p.failed++
		p.did("failed: " + firstLine(want.err))
		if p.chance(2) {
			return true
		}
	} else {
		p.remember()
	}
	return p.again(want)
}

// again builds without a change.
func (p *property) again(want outcome) bool {
	got := p.build(p.cache)
	if !p.equal("the build after it", got, want) {
		return false
	}
	if !p.broken && p.settings.supported() {
		p.unchanged++
		if got.fast {
			p.fast++
		}
	}
	return true
}

// supported reports whether imgo promises to be fast with the settings.
func (s settings) supported() bool { return !s.vcs && s.env["GOFLAGS"] == "" && s.env["PATH"] == "" }

// equal compares, and tells whether the reference is to blame.
func (p *property) equal(what string, got, want outcome) bool {
	if got.same(want) {
		return true
	}
	p.did(fmt.Sprintf("%s:\n\tgot  %v\n\twant %v\n\twith an empty cache again %v", what, got, want, p.reference()))
	return false
}

func (p *property) did(what string) {
	if testing.Verbose() {
		p.t.Log(what)
	}
	p.history = append(p.history, what)
	if most := 60; len(p.history) > most { // three lines a step, at most
		p.history = p.history[1:]
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// change is what happens in a step: mostly one operation, sometimes several, and the
// way back from what broke the build.
func (p *property) change() []string {
	var did []string
	if p.broken {
		last := p.site.past[len(p.site.past)-1]
		p.restore(last, p.chance(2))
		did = append(did, "repair")
		if p.chance(2) {
			return did
		}
	}
	if p.steps%25 == 0 {
		p.restore(p.site.past[0], p.chance(2))
		did = append(did, "back to the sample")
	}
	if !p.settings.supported() && p.chance(3) {
		p.settings = firstSettings()
		did = append(did, "settings as at first")
	}
	for range 1 + p.rand.IntN(8)/6 {
		did = append(did, p.operate())
	}
	return did
}

// operate does something that is possible.
func (p *property) operate() string {
	for {
		op := pick(p.world, operations)
		if op.costly && !(p.costly && p.chance(10)) {
			continue
		}
		if what := op.do(p.world); what != "" {
			return op.name + " (" + what + ")"
		}
	}
}
