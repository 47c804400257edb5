package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// command is a program to measure.
type command struct {
	args []string
	dir  string
	env  []string // besides the bench's
}

// measurement is one run of a command.
type measurement struct {
	wall time.Duration
	cpu  time.Duration // of the process and its descendants
	// own is the peak of resident memory of the process itself, in bytes; largest
	// that of the largest process among it and its descendants. 0 is unknown.
	own, largest int64
	output       string // both streams
}

// run measures one run of a command. All output goes to the error if it fails.
func (b *bench) run(ctx context.Context, c command) (measurement, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(slices.Clone(b.env), c.env...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	adopt(cmd)
	cmd.WaitDelay = 10 * time.Second

	start := time.Now()
	if err := cmd.Start(); err != nil {
		return measurement{}, err
	}
	peak := watchPeak(cmd.Process.Pid)
	err := cmd.Wait()
	m := measurement{wall: time.Since(start), own: peak(), output: output.String()}
	if ctx.Err() != nil {
		return m, context.Cause(ctx)
	}
	if err != nil {
		return m, fmt.Errorf("running %s: %w\n%s", strings.Join(c.args, " "), err, output.Bytes())
	}
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	m.largest = max(m.own, largest(cmd.ProcessState))
	return m, nil
}

// alternate runs the commands in turn, once to warm up and then as often as asked
// for. before is called ahead of every run. The result has a series a command.
func (b *bench) alternate(ctx context.Context, commands []command, before func() error) ([]series, error) {
	all := make([]series, len(commands))
	for turn := range b.runs + 1 {
		for i, c := range commands {
			if err := before(); err != nil {
				return nil, err
			}
			m, err := b.run(ctx, c)
			if err != nil {
				return nil, err
			}
			if turn > 0 {
				all[i] = append(all[i], m)
			}
		}
	}
	return all, nil
}

// series is what was measured of one command.
type series []measurement

// wall is the median.
func (s series) wall() time.Duration {
	return s.median(func(m measurement) time.Duration { return m.wall })
}

// cpu is the median.
func (s series) cpu() time.Duration {
	return s.median(func(m measurement) time.Duration { return m.cpu })
}

func (s series) median(of func(measurement) time.Duration) time.Duration {
	var all []time.Duration
	for _, m := range s {
		all = append(all, of(m))
	}
	return median(all)
}

// own is the highest of all peaks of the process itself.
func (s series) own() (peak int64) {
	for _, m := range s {
		peak = max(peak, m.own)
	}
	return peak
}

// largest is the highest of all peaks of the largest process.
func (s series) largest() (peak int64) {
	for _, m := range s {
		peak = max(peak, m.largest)
	}
	return peak
}

// median of an even number of values is the mean of the two in the middle, that of
// none is 0.
func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	mid := len(all) / 2
	if len(all)%2 == 1 {
		return all[mid]
	}
	return (all[mid-1] + all[mid]) / 2
}
