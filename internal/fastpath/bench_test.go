package fastpath

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// module makes a tree of so many directories with ten files each or so, and returns it
// with its packages.
func module(b *testing.B, dirs, files int) (tree, []Input) {
	tr := newTree(b, nil)
	src := main1 + strings.Repeat("// text\n", 500)
	var in []Input
	for d := range dirs {
		dir := fmt.Sprintf("pkg%d/p%d", d/10, d)
		in = append(in, Input{Kind: Package, Path: dir})
		for f := range files / dirs {
			tr.write(fmt.Sprintf("%s/file%d.go", dir, f), fmt.Sprint(src, f))
		}
	}
	return tr, in
}

func BenchmarkTake(b *testing.B) {
	for _, size := range []struct{ dirs, files int }{{100, 300}, {500, 5000}} {
		tr, in := module(b, size.dirs, size.files)
		known := tr.take(nil, in...)
		b.Run(fmt.Sprintf("%dfiles/bare", size.files), func(b *testing.B) {
			for b.Loop() { // the system calls that there must be
				for i := range known.entries {
					if _, err := os.Lstat(tr.path(known.entries[i].path)); err != nil {
						b.Fatal(err)
					}
				}
				for _, i := range in {
					if _, err := os.ReadDir(tr.path(i.Path)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		for name, known := range map[string]*Snapshot{"known": known, "anew": nil} {
			b.Run(fmt.Sprintf("%dfiles/%s", size.files, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					s, err := Take(b.Context(), tr.root, in, known, tr.later())
					if err != nil || s.Reread() != (known == nil) {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	tr, in := module(b, 500, 5000)
	r, store := &Record{Snapshot: tr.take(nil, in...)}, memory{}
	b.Run("save", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tr.must(r.Save(store, "k"))
		}
		b.ReportMetric(float64(len(store["k"])), "bytes")
	})
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := Load(store, "k"); !ok {
				b.Fatal("a miss")
			}
		}
	})
	b.Run("compare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !r.Snapshot.Untouched(r.Snapshot) {
				b.Fatal("touched")
			}
		}
	})
}
