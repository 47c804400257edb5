package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// subject is a job for the contenders, what may have happened before they do it, and
// where the images go. The first case also warms up for those that follow.
type subject struct {
	program string
	prepare func(context.Context) (job, error)
	cases   []string
	places  []string
}

func (b *bench) subjects() (all []subject) {
	for _, s := range b.sources {
		cases, to := []string{unchanged, changeMain, changeLeaf, firstBuild, fresh}, places
		if s.name == "nats-server" { // time is short, and more would tell nothing new
			cases, to = cases[:4], places[1:]
		}
		all = append(all, subject{s.name, func(ctx context.Context) (job, error) {
			w, err := b.fetch(ctx, s)
			return job{w: w}, err
		}, cases, to})
	}
	return append(all,
		subject{fourTargets, func(context.Context) (job, error) {
			w, packages, err := b.generateSeveral()
			return job{w: w, packages: packages}, err
		}, []string{changeLeaf}, places},
		subject{twoPlatforms, func(ctx context.Context) (job, error) {
			w, err := b.fetch(ctx, sources[0])
			return job{w: w, platforms: []string{"linux/amd64", "linux/arm64"}}, err
		}, []string{changeMain}, places},
	)
}

// firstContenders have built nothing yet. What they push goes to a repository that
// holds nothing.
func (b *bench) firstContenders(ctx context.Context, j job) ([]contender, error) {
	if _, err := b.runAll(ctx, b.commands(j)[goBuild]); err != nil { // for the Go build cache
		return nil, err
	}
	forget := [][]string{goBuild: {b.binaries(j.w)}, imgo: {b.imgoCache()}, ko: nil, koCached: {b.koCache()}}
	var all []contender
	for i, dirs := range forget {
		all = append(all, func() ([]command, error) {
			j := j
			if j.host != "" {
				j.host = b.newRepository(j.host)
			}
			return b.commands(j)[i], removeAll(dirs)
		})
	}
	return all, nil
}

// newRepository is a prefix of repositories that holds nothing yet.
func (b *bench) newRepository(host string) string {
	b.repositories++
	return fmt.Sprintf("%s/new-%d", host, b.repositories)
}

func removeAll(dirs []string) error {
	for _, dir := range dirs {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// freshContenders find what was built elsewhere in caches that were restored: a
// machine of a CI service.
func (b *bench) freshContenders(ctx context.Context, j job) ([]contender, error) {
	dir := filepath.Join(b.work, "fresh")
	checkout := *j.w
	checkout.module = filepath.Join(dir, "checkout")
	there := j
	there.w = &checkout
	commands := b.commands(there)

	caches := []struct{ variable, saved, restored string }{
		imgo:     {"IMGO_CACHE_DIR", filepath.Join(dir, "imgo-saved"), filepath.Join(dir, "imgo")},
		koCached: {"KOCACHE", filepath.Join(dir, "ko-saved"), filepath.Join(dir, "ko")},
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	for i, c := range caches {
		if c.variable == "" {
			continue
		}
		save := b.commands(j)[i][0]
		save.env = append(save.env, c.variable+"="+c.saved)
		if _, err := b.run(ctx, save); err != nil {
			return nil, err
		}
		commands[i][0].env = append(commands[i][0].env, c.variable+"="+c.restored)
	}
	checkOut := func(i int) contender {
		return always(commands[i], func() error {
			if err := removeAll([]string{b.binaries(j.w)}); err != nil {
				return err
			}
			if err := replaceTree(checkout.module, j.w.module); err != nil {
				return err
			}
			if c := caches[i]; c.variable != "" {
				return replaceTree(c.restored, c.saved)
			}
			return nil
		})
	}
	return []contender{goBuild: checkOut(goBuild), imgo: checkOut(imgo), ko: nil, koCached: checkOut(koCached)}, nil
}
