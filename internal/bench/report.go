package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// section is one table of the report.
type section struct {
	title  string
	note   string
	header []string
	rows   [][]string
}

func (s *section) add(row ...string) { s.rows = append(s.rows, row) }

// nonEmpty leaves out the sections without rows.
func nonEmpty(all ...section) (some []section) {
	for _, s := range all {
		if len(s.rows) > 0 {
			some = append(some, s)
		}
	}
	return some
}

// markdown is readable as it stands, too: columns are aligned.
func (s section) markdown() string {
	widths := make([]int, len(s.header))
	for _, row := range append([][]string{s.header}, s.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", s.title, s.note)
	line := func(cells []string, fill string) {
		for i, cell := range cells {
			fmt.Fprintf(&b, "| %s%s ", cell, strings.Repeat(fill, widths[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString("|\n")
	}
	line(s.header, " ")
	line(make([]string, len(s.header)), "-")
	for _, row := range s.rows {
		line(row, " ")
	}
	return b.String()
}

// machine is what the figures depend on, and nothing that tells whose it is.
type machine struct {
	cores  int
	memory string
	goTool string
	system string
}

func thisMachine() machine {
	m := machine{cores: runtime.NumCPU(), memory: "unknown", goTool: runtime.Version(), system: runtime.GOOS + "/" + runtime.GOARCH}
	if data, err := os.ReadFile("/proc/meminfo"); err == nil {
		m.memory = totalMemory(string(data))
	}
	if data, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		// Later parts name the distribution, and at times the owner.
		if parts := strings.SplitN(string(data), ".", 3); len(parts) == 3 {
			m.system += ", kernel " + parts[0] + "." + parts[1]
		}
	}
	return m
}

// totalMemory reads /proc/meminfo, whose first line is the total.
func totalMemory(meminfo string) string {
	if f := strings.Fields(meminfo); len(f) > 1 {
		if kib, err := strconv.ParseInt(f[1], 10, 64); err == nil {
			return fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20))
		}
	}
	return "unknown"
}

// report is the whole document.
func report(m machine, o options, sections []section) string {
	var b strings.Builder
	args, some := fmt.Sprintf("-n %d -write", o.runs), ""
	if o.only != "" {
		args += fmt.Sprintf(` -only "%s"`, o.only)
		some = " Only some of the cases were run."
	}
	fmt.Fprintf(&b, `# Benchmarks

imgo beside bare `+"`go build`"+` and ko %s, on the same work with the same compiler flags
(`+"`CGO_ENABLED=0`, `-trimpath`, `-ldflags \"-s -w\"`, `-buildvcs=false`"+`). Commands take turns in one run, %d times
each, after once to warm up. Times depend on the machine and on what else it does: compare ratios.
ko runs as it comes, on a base as small as imgo's own, and once more with KOCACHE set.

Measured on %d cores with %s of memory, %s, %s, the registry and all files on the same machine.%s To repeat:

`+"```sh\nmake bench ARGS='%s'\n```\n", koVersion, o.runs, m.cores, m.memory, m.goTool, m.system, some, args)
	for _, s := range sections {
		b.WriteString("\n" + s.markdown())
	}
	return b.String()
}

const (
	unknown       = "?"
	notApplicable = "–"
)

func seconds(d time.Duration) string {
	switch {
	case d == 0:
		return notApplicable
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.3f s", d.Seconds())
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func ratio(a, b time.Duration) string {
	if a == 0 || b == 0 {
		return notApplicable
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}

// kilobytes and megabytes are decimal, as registries and docker count.
func kilobytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e3) }

func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }

func mebibytes(n int64) string {
	if n == 0 {
		return unknown
	}
	return fmt.Sprintf("%.0f", float64(n)/(1<<20))
}

// within says whether a peak of imgo's own memory is as promised.
func within(peak int64) string {
	if peak == 0 {
		return unknown
	}
	return yesNo(peak <= memoryLimit)
}
