package fastpathtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// repository uses git.
var repository = []operation{
	{name: "commit", do: func(w *world) string {
		return "everything" + w.commit(fmt.Sprint("change ", w.fresh()))
	}},
	{name: "another branch and back", do: func(w *world) string {
		failed := w.commit(fmt.Sprint("change ", w.fresh()))
		failed += w.git("checkout", "-q", "-b", fmt.Sprint("branch", w.fresh()))
		did := w.renumberOne(w.files(anySource), value, 6, false)
		failed += w.commit("on the branch")
		if w.chance(2) {
			w.build(w.cache)
		}
		return did + " on the branch" + failed + w.git("checkout", "-q", "-")
	}},
	{name: "stash", do: func(w *world) string {
		return "everything" + w.git("stash", "-q", "-u")
	}},
	{name: "stamp the state of the repository", do: func(w *world) string {
		w.settings.vcs = !w.settings.vcs
		return fmt.Sprint(w.settings.vcs)
	}},
	{name: "back to an earlier moment", do: func(w *world) string {
		w.restore(pick(w, w.site.past), w.chance(2))
		return "all files and settings"
	}},
	{name: "back to an earlier moment", do: func(w *world) string {
		settings := w.settings
		w.restore(pick(w, w.site.past), w.chance(2))
		w.settings = settings
		return "all files"
	}},
}

// moving changes where everything is.
var moving = []operation{
	{name: "a copy elsewhere, with a copy of the cache", do: func(w *world) string {
		n := w.fresh()
		work, cache := filepath.Join(w.temp, fmt.Sprint("work", n)), filepath.Join(w.temp, fmt.Sprint("cache", n))
		if _, err := os.Stat(w.cache); err != nil {
			return ""
		}
		w.check(copyTree(work, w.site.dir))
		w.check(copyTree(cache, w.cache))
		if w.chance(2) {
			w.check(os.RemoveAll(w.site.dir))
		}
		w.check(os.RemoveAll(w.cache))
		w.site, w.cache = &site{dir: work, past: w.site.past}, cache
		return work
	}},
	{name: "a clone elsewhere, with a copy of the cache", do: func(w *world) string {
		n := w.fresh()
		work, cache := filepath.Join(w.temp, fmt.Sprint("work", n)), filepath.Join(w.temp, fmt.Sprint("cache", n))
		if _, err := os.Stat(w.cache); err != nil {
			return ""
		}
		if failed := w.commit("to be cloned") + w.git("clone", "-q", w.site.dir, work); failed != "" {
			w.check(os.RemoveAll(work))
			return "not made" + failed
		}
		w.check(copyTree(cache, w.cache))
		w.check(os.RemoveAll(w.site.dir))
		w.check(os.RemoveAll(w.cache))
		w.site, w.cache = &site{dir: work, past: w.site.past}, cache
		return work
	}},
	{name: "the same place, all of it new", do: func(w *world) string {
		aside := filepath.Join(w.temp, "aside")
		w.check(os.Rename(w.site.dir, aside))
		w.check(copyTree(w.site.dir, aside))
		w.check(os.RemoveAll(aside))
		return w.site.dir
	}},
	{name: "the other worktree", do: func(w *world) string {
		if w.other == nil {
			dir := filepath.Join(w.temp, fmt.Sprint("other", w.fresh()))
			w.check(copyTree(dir, w.site.dir))
			w.other = &site{dir: dir, past: slices.Clone(w.site.past)}
		}
		w.site, w.other = w.other, w.site
		return w.site.dir
	}},
}

// caching damages imgo's cache.
var caching = []operation{
	{name: "remove from the cache", do: func(w *world) string {
		area := pick(w, []string{"bin", "results", "blobs", ""})
		if area != "" && w.chance(2) {
			files := w.cached(area)
			if len(files) == 0 {
				return ""
			}
			name := pick(w, files)
			w.check(os.Remove(name))
			return strings.TrimPrefix(name, w.cache)
		}
		w.check(os.RemoveAll(filepath.Join(w.cache, "v1", area)))
		return "all of " + area
	}},
	{name: "damage the cache", do: func(w *world) string {
		name := pick(w, w.cached(pick(w, []string{"bin", "results"})))
		if name == "" {
			return ""
		}
		data, err := os.ReadFile(name)
		w.check(err)
		if len(data) == 0 {
			return ""
		}
		if w.chance(2) {
			data = data[:w.rand.IntN(len(data))]
		} else {
			data[w.rand.IntN(len(data))] ^= 1 << w.rand.IntN(8)
		}
		w.check(os.WriteFile(name, data, 0o644))
		return strings.TrimPrefix(name, w.cache)
	}},
}

// cached are the files of an area of the cache.
func (w *world) cached(area string) []string {
	dir := filepath.Join(w.cache, "v1", area)
	t, err := readTree(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, name := range t.paths() {
		if t[name].mode.IsRegular() {
			out = append(out, filepath.Join(dir, filepath.FromSlash(name)))
		}
	}
	return out
}
