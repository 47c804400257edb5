package main

import "context"

// requests counts what a push asks of the registry that it goes to.
func (b *bench) requests(ctx context.Context) ([]section, error) {
	s := section{
		title:  "Requests",
		note:   "HTTP requests of one push to the registry that the image goes to. ko's include its SBOM, and leave out its base's, which lies elsewhere.",
		header: []string{"program", "case", "imgo", "ko"},
	}
	if !b.chosen("requests") {
		return nil, nil
	}
	if err := b.prepareKo(ctx); err != nil {
		return nil, err
	}
	count, host, stop, err := startCounter(b.host)
	if err != nil {
		return nil, err
	}
	defer stop()
	w, err := b.fetch(ctx, sources[0])
	if err != nil {
		return nil, err
	}
	commands := b.contenders(w, host+"/requests") // a repository that holds nothing yet
	for _, c := range []struct {
		name   string
		before func() error
	}{
		{"first", w.change},
		{"unchanged", func() error { return nil }},
		{"change in main", w.change},
	} {
		if err := c.before(); err != nil {
			return nil, err
		}
		row := []string{w.name, c.name}
		for _, i := range []int{imgo, ko} {
			count.take()
			if _, err := b.run(ctx, commands[i]); err != nil {
				return nil, err
			}
			row = append(row, count.take())
		}
		s.add(row...)
	}
	return []section{s}, nil
}
