package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// watchPeak follows the high-water mark of a process's resident memory, until the
// function that it returns is called. What wait4 tells can't be used: it is the
// maximum over the process and the children that it waited for, which is to say,
// the compiler's. The kernel keeps the mark, so only what the process grows by in
// its last few milliseconds can be missed.
//
// The mark counts mapped pages of the program's own file too.
func watchPeak(pid int) (stop func() int64) {
	file := fmt.Sprintf("/proc/%d/status", pid)
	done, result := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var peak int64
		for {
			if status, err := os.ReadFile(file); err == nil {
				peak = max(peak, highWater(status))
			}
			select {
			case <-tick.C:
			case <-done:
				result <- peak
				return
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-result
	}
}

// highWater reads VmHWM from /proc/PID/status, in bytes. A process that has ended
// has none: 0.
func highWater(status []byte) int64 {
	_, rest, ok := bytes.Cut(status, []byte("\nVmHWM:"))
	if !ok {
		return 0
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	kib, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(line, []byte("kB")))), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
