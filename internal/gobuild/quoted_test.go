package gobuild

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSplitQuoted(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{" \t\n", nil},
		{"a  b\tc", []string{"a", "b", "c"}},
		{`'a b' "c d"`, []string{"a b", "c d"}},
		{`'a "b"' "c 'd'"`, []string{`a "b"`, `c 'd'`}},
		{`a'b c'd`, []string{"a'b", "c'd"}},   // a quote counts only where it opens an element
		{`'a'b`, []string{"a", "b"}},          // and closes it wherever it comes
		{`-X=\ 'y\'`, []string{`-X=\`, `y\`}}, // no escapes
		{`'' ""`, []string{"", ""}},           // empty elements
		{"a\u00a0b", []string{"a\u00a0b"}},    // only ASCII blanks
		{`'-ldflags=-X a=b'`, []string{"-ldflags=-X a=b"}},
	} {
		got, err := splitQuoted(tt.in)
		if err != nil {
			t.Errorf("splitQuoted(%q): %v", tt.in, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("splitQuoted(%q) (-want +got):\n%s", tt.in, diff)
		}
	}
	for _, in := range []string{`'a`, `b "`, `"a'`} {
		if got, err := splitQuoted(in); err == nil {
			t.Errorf("splitQuoted(%q) = %q, want an error", in, got)
		}
	}
}

func FuzzSplitQuoted(f *testing.F) {
	for _, s := range []string{"", "a b", `'a b' "c"`, `a'b"c`, "\"\"'x", `'-ldflags=-X "m.v=1"' -mod=mod`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fields, err := splitQuoted(s)
		if err != nil {
			return
		}
		again, err := splitQuoted(joinQuoted(fields))
		if err != nil {
			t.Fatalf("splitting %q, joined from %q: %v", joinQuoted(fields), fields, err)
		}
		if diff := cmp.Diff(fields, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q changed by joining and splitting (-before +after):\n%s", s, diff)
		}
	})
}
