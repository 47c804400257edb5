package pattern_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/pattern"
)

func TestPattern(t *testing.T) {
	p := pattern.New(`([a-z])(\d)`)
	if !p.MatchString("-a1-") || p.MatchString("a-1") {
		t.Error("it doesn't match what it should")
	}
	if diff := cmp.Diff([]string{"a1", "a", "1"}, p.FindStringSubmatch("-a1-b2")); diff != "" {
		t.Error(diff)
	}
	if got := p.ReplaceAllString("-a1-b2", "$2$1"); got != "-1a-2b" {
		t.Errorf("replaced: %q", got)
	}
	if got := len(p.FindAllStringSubmatch("a1b2", -1)); got != 2 {
		t.Errorf("%d matches", got)
	}
}
