package goflag

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSplit(t *testing.T) {
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
		got, err := Split(tt.in)
		if err != nil {
			t.Errorf("Split(%q): %v", tt.in, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Split(%q) (-want +got):\n%s", tt.in, diff)
		}
	}
	for _, in := range []string{`'a`, `b "`, `"a'`} {
		if got, err := Split(in); err == nil {
			t.Errorf("Split(%q) = %q, want an error", in, got)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", "a b", `'a b' "c"`, `a'b"c`, "\"\"'x", `'-ldflags=-X "m.v=1"' -mod=mod`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fields, err := Split(s)
		if err != nil {
			return
		}
		again, err := Split(Join(fields))
		if err != nil {
			t.Fatalf("splitting %q, joined from %q: %v", Join(fields), fields, err)
		}
		if diff := cmp.Diff(fields, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q changed by joining and splitting (-before +after):\n%s", s, diff)
		}
	})
}
