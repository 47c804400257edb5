package gobuild

import (
	"context"
	"errors"
	"runtime"
	"testing"
)

func TestLimit(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	take := func(l *limit, ctx context.Context, programs, wantP int) func() {
		t.Helper()
		p, done, err := l.take(ctx, programs)
		if err != nil {
			t.Fatal(err)
		}
		if p != wantP {
			t.Errorf("-p for %d programs is %d, want %d", programs, p, wantP)
		}
		return done
	}
	full := func(l *limit, programs int) {
		t.Helper()
		if _, _, err := l.take(ended, programs); !errors.Is(err, context.Canceled) {
			t.Errorf("one more of %d programs: %v, want it to wait", programs, err)
		}
	}

	roomy := newLimit(2)
	roomy.memory = func() int64 { return 1 << 40 }
	first := take(roomy, t.Context(), 50, 0)
	second := take(roomy, t.Context(), 1, 0)
	full(roomy, 1)
	first()
	take(roomy, t.Context(), 1, 0)()
	second()

	tight := newLimit(8)
	tight.memory = func() int64 { return 100 << 20 }
	wantP := 0
	if cores > 1 {
		wantP = 1
	}
	one := take(tight, t.Context(), 4, wantP)
	full(tight, 1)
	one()
	take(tight, t.Context(), 1, 0)()

	unknown := newLimit(1)
	unknown.memory = func() int64 { return 0 }
	take(unknown, t.Context(), 3, 0)()
}
