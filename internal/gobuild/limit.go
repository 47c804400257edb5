package gobuild

import (
	"context"
	"math"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/imgo-build/imgo/internal/memory"
)

// linkMemory is how many bytes a linker may take: for programs of 100 MB, about as much.
const linkMemory = 1 << 30

// limit bounds what go commands of a Compiler do at a time, over all of its calls: how
// many there are, and how many linkers they run, as far as that is bounded by memory.
type limit struct {
	commands *semaphore.Weighted
	memory   func() int64 // bytes to be had, 0 for unknown

	once  sync.Once
	fit   int // linkers that memory has room for
	links *semaphore.Weighted
}

func newLimit(commands int) *limit {
	return &limit{commands: semaphore.NewWeighted(int64(commands)), memory: memory.Available}
}

// take waits for room for a go command that links so many programs. At most p of them
// may run at once; 0 leaves it to the go command. done gives the room back.
func (l *limit) take(ctx context.Context, programs int) (p int, done func(), err error) {
	l.once.Do(func() {
		l.fit = math.MaxInt32
		if available := l.memory(); available > 0 {
			l.fit = int(max(1, available/linkMemory))
		}
		l.links = semaphore.NewWeighted(int64(l.fit))
	})
	if err := l.commands.Acquire(ctx, 1); err != nil {
		return 0, nil, err
	}
	atOnce := min(programs, runtime.GOMAXPROCS(0))
	links := min(atOnce, l.fit)
	if err := l.links.Acquire(ctx, int64(links)); err != nil {
		l.commands.Release(1)
		return 0, nil, err
	}
	if links < atOnce {
		p = links
	}
	return p, func() {
		l.links.Release(int64(links))
		l.commands.Release(1)
	}, nil
}
