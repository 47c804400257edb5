package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

const filesSize = 300_000_000

// files compares images with a large layer of the user's files.
func (b *bench) files(ctx context.Context) ([]section, error) {
	s := section{
		title: "A layer of 300 MB",
		note: "The sample server with 300 MB of random bytes beside it, half in one file, half in a thousand: --file for imgo, kodata for ko. Medians. " +
			"*first*: imgo's cache is empty, the repository too. *unchanged*: the same again; ko as it comes compresses each time.",
		header: []string{"case", "to", "imgo", "ko", "imgo ÷ ko", "unchanged ÷ first", "imgo itself", withinLimit, "ko itself"},
	}
	for _, to := range places {
		if !b.chosen("files " + to) {
			continue
		}
		if err := b.prepareKo(ctx); err != nil {
			return nil, err
		}
		w, err := b.withFiles(ctx)
		if err != nil {
			return nil, err
		}
		j := job{w: w}
		if to == "registry" {
			j.host = b.host
		}
		all, err := b.alternate(ctx, b.filesContenders(j), false)
		if err != nil {
			return nil, err
		}
		for i, name := range []string{"first", unchanged} {
			own, other := all[2*i], all[2*i+1]
			again := notApplicable
			if i > 0 {
				again = ratio(own.wall(), all[0].wall())
			}
			s.add(name, to, seconds(own.wall()), seconds(other.wall()), ratio(own.wall(), other.wall()), again,
				mebibytes(own.own()), within(own.own()), mebibytes(other.own()))
		}
	}
	return nonEmpty(s), nil
}

// withFiles is the sample server with the files in ko's place for them.
func (b *bench) withFiles(ctx context.Context) (*workload, error) {
	s := sources[0]
	s.name += "-files"
	w, err := b.fetch(ctx, s)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(w.module, w.main, "kodata")
	if _, err := os.Stat(dir); err == nil {
		return w, nil
	}
	return w, writeBigFiles(dir, filesSize)
}

// filesContenders are imgo and ko for the first time, then both again.
func (b *bench) filesContenders(j job) []contender {
	turn := j
	cache := filepath.Join(b.work, "imgo-cache-files")
	do := func(who int) []command {
		c := b.commands(turn)[who]
		if who == imgo {
			c[0].args = append(c[0].args, "--file", j.w.main+"/kodata:/srv/data")
			c[0].env = append(c[0].env, "IMGO_CACHE_DIR="+cache)
		}
		return c
	}
	again := func(who int) contender {
		return func() ([]command, error) { return do(who), nil }
	}
	first := func() ([]command, error) {
		if j.host != "" {
			turn.host = b.newRepository(j.host)
		}
		return do(imgo), os.RemoveAll(cache)
	}
	return []contender{first, again(ko), again(imgo), again(ko)}
}

// writeBigFiles writes that many random bytes, one half in one file, the other in
// many.
func writeBigFiles(dir string, total int64) error {
	if err := os.MkdirAll(filepath.Join(dir, "many"), 0o755); err != nil {
		return err
	}
	random := randomBytes()
	write := func(path string, size int64) error {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.CopyN(f, random, size); err != nil {
			return err
		}
		return f.Close()
	}
	const many = 1000
	for i := range many {
		if err := write(filepath.Join(dir, "many", strconv.Itoa(i)), total/2/many); err != nil {
			return fmt.Errorf("writing files: %w", err)
		}
	}
	return write(filepath.Join(dir, "one"), total/2)
}
