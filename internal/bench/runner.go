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
	if c.args[0] == b.imgo {
		b.results.memory(m.own, b.current)
	}
	return m, nil
}

// runAll runs commands in order and measures them as one.
func (b *bench) runAll(ctx context.Context, commands []command) (whole measurement, err error) {
	for _, c := range commands {
		m, err := b.run(ctx, c)
		if err != nil {
			return whole, err
		}
		whole = whole.and(m)
	}
	return whole, nil
}

// and is what both took, one after the other.
func (m measurement) and(next measurement) measurement {
	return measurement{
		wall: m.wall + next.wall, cpu: m.cpu + next.cpu,
		own: max(m.own, next.own), largest: max(m.largest, next.largest),
		output: m.output + next.output,
	}
}

// alternate lets the contenders take turns, as often as asked for, and once more
// before that if they are to warm up. The result has a series a contender, empty for
// one that sits out.
func (b *bench) alternate(ctx context.Context, contenders []contender, warmUp bool) ([]series, error) {
	all := make([]series, len(contenders))
	turns := b.runs
	if warmUp {
		turns++
	}
	for turn := range turns {
		for i, prepare := range contenders {
			if prepare == nil {
				continue
			}
			commands, err := prepare()
			if err != nil {
				return nil, err
			}
			m, err := b.runAll(ctx, commands)
			if err != nil {
				return nil, err
			}
			if turn > 0 || !warmUp {
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
