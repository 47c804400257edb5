package rootfs

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// first reduces a content to its first line.
func first(r io.Reader) []byte {
	b, _ := io.ReadAll(r)
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return line
}

func TestReadKeeping(t *testing.T) {
	large := "head\n" + strings.Repeat("x", maxContent)
	keep := []Keep{{Path: "/db", Reduce: first}, {Path: "d/*", Reduce: first}, {Path: "d/raw"}, {Path: "all/*"}}
	for name, c := range map[string]struct {
		layers [][]string
		want   map[string]string
	}{
		"reduced":                   {[][]string{{"db=" + large}}, map[string]string{"db": "head"}},
		"reduced to nothing":        {[][]string{{"db="}}, map[string]string{"db": ""}},
		"too large when reduced":    {[][]string{{"db=" + strings.Repeat("x", maxContent+1)}}, map[string]string{"db": "-"}},
		"a directory":               {[][]string{{"d/1=a\nb", "d/2=c\nd", "d/e/3=no", "x=no"}, {"d/.wh.2", "d/4=e\nf"}}, map[string]string{"d/1": "a", "d/4": "e", "d/e/3": "-", "x": "-"}},
		"a path before a directory": {[][]string{{"d/raw=a\nb", "d/1=a\nb"}}, map[string]string{"d/raw": "a\nb", "d/1": "a"}},
		"a link to it":              {[][]string{{"db->/o/1", "o/1=a\nb"}}, map[string]string{"db": "a", "o/1": "a"}},
		"a hard link to it":         {[][]string{{"o/1=a\nb", "db=>o/1"}}, map[string]string{"db": "a"}},
		"a link to a directory":     {[][]string{{"d->o", "o/1=a\nb"}}, map[string]string{"d/1": "a"}},
		"links in a directory":      {[][]string{{"d/1->/o/1", "d/3->/gone", "o/1=a\nb", "o/2=c\nd", "d/2=>o/2"}}, map[string]string{"d/1": "a", "d/2": "c", "d/3": "-"}},
		"a link to what is raw":     {[][]string{{"all/1=a\nb", "db->/all/1"}}, map[string]string{"db": "a\nb"}},
		"a file in its place":       {[][]string{{"d=1"}}, map[string]string{"d": "-"}},
	} {
		var blobs [][]byte
		for _, l := range c.layers {
			blobs = append(blobs, archive(l...))
		}
		tree, err := ReadKeeping(t.Context(), imageOf(blobs...), keep)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := map[string]string{}
		for p := range c.want {
			content, ok := tree.Content(p)
			if got[p] = string(content); !ok {
				got[p] = "-"
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%.500s", name, diff)
		}
		checkMarshal(t, tree)
	}
}

func TestList(t *testing.T) {
	tree, err := Read(t.Context(), imageOf(archive("d/b=1", "d/a/x=1", "d/c->b", "l->d")))
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{"d": "a b c", "/l/": "a b c", "": "d l", "d/b": "", "nowhere": ""} {
		if got := strings.Join(tree.List(p), " "); got != want {
			t.Errorf("%q has %q, want %q", p, got, want)
		}
	}
}
