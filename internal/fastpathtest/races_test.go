package fastpathtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// racing edits while imgo builds. What that build made of it is its own business: there is no
// right answer. The one after it has one.
var racing = []operation{
	{name: "edit during a build", do: func(w *world) string { return w.during(false) }},
	{name: "edit and undo during a build", do: func(w *world) string { return w.during(true) }},
	{name: "edit just before and during a build", do: func(w *world) string {
		w.renumberOne(w.files(anySource), value, 6, true)
		return w.during(w.chance(2))
	}},
	{name: "build both worktrees at once", do: func(w *world) string {
		if w.other == nil {
			return ""
		}
		there := *w
		there.site = w.other
		var both sync.WaitGroup
		both.Go(func() { there.build(w.cache) })
		both.Go(func() { w.build(w.cache) })
		both.Wait()
		return w.other.dir
	}},
	{name: "kill a build", do: func(w *world) string {
		out, done := w.output()
		defer done()
		within := time.Duration(w.rand.IntN(1000)) * time.Millisecond
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		_ = w.process(ctx, w.cache, out).Run()
		return "after " + within.String()
	}},
}

// during edits a file while a build is under way, at a moment that is early as often as
// not: what imgo looks at first it has to look at again.
func (w *world) during(undo bool) string {
	name := pick(w, w.files(anySource+`|`+content))
	text := w.read(name)
	changed := value.ReplaceAllString(text, w.newNumber(6))
	within := pick(w, []time.Duration{5 * time.Millisecond, 500 * time.Millisecond})
	before, between := time.Duration(w.rand.Int64N(int64(within))), time.Duration(w.rand.Int64N(int64(within)))
	keep := w.chance(2)
	info, err := os.Stat(w.path(name))
	w.check(err)
	edited := make(chan error, 1)
	go func() {
		put := func(text string) error {
			err := os.WriteFile(w.path(name), []byte(text), 0o644)
			if err == nil && keep {
				err = os.Chtimes(w.path(name), info.ModTime(), info.ModTime())
			}
			return err
		}
		time.Sleep(before)
		err := put(changed)
		if undo && err == nil {
			time.Sleep(between)
			err = put(text)
		}
		edited <- err
	}()
	w.build(w.cache)
	w.check(<-edited)
	return fmt.Sprintf("%s after %s", name, before)
}
