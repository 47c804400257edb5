package imgo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/imgo-build/imgo/internal/gobuild"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/publish/transport"
)

// Status is how a check came out.
type Status string

// The outcomes of a check.
const (
	StatusOK      Status = "ok"
	StatusNote    Status = "note"    // worth knowing, and nothing has to be done
	StatusWarning Status = "warning" // works, but not as it should or not for long
	StatusError   Status = "error"   // would stop a build or a push
)

// Check is one thing that [Client.Doctor] looked at.
type Check struct {
	Name   string // "go", "base alpine"
	Status Status
	Detail string // what was found; empty where Err says it all
	Err    error  // what is wrong, where it is known as an error; several may be joined
	Fix    string // what to do; empty where nothing is or Err has a type that tells
}

// DoctorOptions say what a build or push would be of.
type DoctorOptions struct {
	Request build.Request // as for Plan; without patterns and images all commands of the module count
	// HostOnly leaves out what Request says beyond its directory, since it isn't known.
	HostOnly bool
}

// SlowError says that a check had no result in the time that it was given.
type SlowError struct{ After time.Duration }

func (e *SlowError) Error() string { return fmt.Sprintf("no result within %s", e.After) }

// checkTime is how long a check may take. What takes longer in a build does so for a
// reason that the build tells better, such as modules being downloaded.
const checkTime = 10 * time.Second

// Doctor finds out what would stop a build or push. It tries things out: it asks the go
// command, git, bases' and targets' registries (where it opens and cancels an upload),
// and writes to the cache. The checks run at the same time and are reported in a fixed
// order, from one goroutine. The error is the context's.
func (c *Client) Doctor(ctx context.Context, o DoctorOptions, report func(Check)) error {
	d := &doctor{client: c, req: o.Request, hostOnly: o.HostOnly, time: checkTime, free: freeSpace}
	if c.opts.Now != nil {
		d.now = c.opts.Now()
	}
	return d.run(ctx, report)
}

// doctor is a run of Doctor.
type doctor struct {
	client   *Client
	req      build.Request
	hostOnly bool
	time     time.Duration // for each check
	now      time.Time     // zero where nobody knows
	free     func(dir string) (space, error)

	tools    func() (*gobuild.Toolchain, error) // what several checks need
	selected func() selection
}

func (d *doctor) run(ctx context.Context, report func(Check)) error {
	ctx, cancel := context.WithCancel(transport.WithoutRetry(ctx))
	d.tools = sync.OnceValues(func() (*gobuild.Toolchain, error) { return d.describeTools(ctx) })
	d.selected = sync.OnceValue(func() selection { return d.selectTargets(ctx) })
	checks := []struct {
		name string
		look func(context.Context) []Check
	}{
		{"go", d.goCommand},
		{"git", d.git},
		{"module", d.module},
		{"settings", d.settings},
		{"cgo", d.cgo},
		{"base", d.bases},
		{"registry", d.registries},
		{"cache", d.cache},
		{"disk", d.disk},
	}
	results := make([]chan []Check, len(checks))
	var working sync.WaitGroup
	for i, c := range checks {
		results[i] = make(chan []Check, 1)
		working.Go(func() { results[i] <- c.look(ctx) })
	}
	defer func() {
		cancel()
		d.leave(&working)
	}()
	// A check that waits for others has their time and its own.
	late := time.NewTimer(3 * d.time)
	defer late.Stop()
	for i, c := range checks {
		var found []Check
		select {
		case found = <-results[i]:
		default: // not there yet, as it might be where time is up too
			select {
			case found = <-results[i]:
			case <-late.C:
				late.Reset(0) // for the rest
				found = []Check{d.failed(c.name, context.DeadlineExceeded)}
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, check := range found {
			report(check)
		}
	}
	return nil
}

// leave waits for checks that were told to end. What doesn't, since not even the
// context ends it (a file system that doesn't answer, say), is left behind.
func (d *doctor) leave(working *sync.WaitGroup) {
	ended := make(chan struct{})
	go func() { working.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(min(2*time.Second, d.time)):
	}
}

// limit is the time of one check.
func (d *doctor) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d.time)
}

// failed is the outcome of a check that ended with an error.
func (d *doctor) failed(name string, err error) Check {
	c := Check{Name: name, Status: StatusError, Err: err}
	if errors.Is(err, context.DeadlineExceeded) {
		c.Err = &SlowError{After: d.time}
		c.Fix = slowFix()[strings.SplitN(name, " ", 2)[0]]
	}
	return c
}

// slowFix is what to do about checks that had no result.
func slowFix() map[string]string {
	return map[string]string{
		"go":       "see what it waits for: go env -json",
		"module":   "see what it waits for: go list ./...; if modules are being downloaded, go mod download shows it",
		"git":      "see what it waits for: git status",
		"settings": "see what git waits for: git status",
		"base":     "check the network; HTTPS_PROXY and NO_PROXY are honoured",
		"registry": "check the network; HTTPS_PROXY and NO_PROXY are honoured",
		"cache":    "set IMGO_CACHE_DIR to a directory on a disk that answers",
		"disk":     "check that the directories of the cache, of GOCACHE and of TMPDIR lie on disks that answer",
	}
}

// skipped is a check that can't be made until another one succeeds.
func skipped(name, why string) []Check {
	return []Check{{Name: name, Status: StatusNote, Detail: "not checked: " + why}}
}

// Why checks are left out.
const (
	noConfig  = "the configuration has to be right first"
	noPackage = "the packages have to be found first"
)
