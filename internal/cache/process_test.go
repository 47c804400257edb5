package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// helperEnv makes the test binary a helper process; its value is helper and
// directory, separated by a colon.
const helperEnv = "IMGO_CACHE_TEST_HELPER"

func TestMain(m *testing.M) {
	if spec, ok := os.LookupEnv(helperEnv); ok {
		helper, dir, _ := strings.Cut(spec, ":")
		if err := helpers[helper](dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// helpers are what other processes do in tests.
var helpers = map[string]func(dir string) error{
	"stage": func(dir string) error { return stageSame(dir) },
	"loop": func(dir string) error {
		fmt.Println("ready")
		for i := 0; ; i++ {
			if err := stageMany(dir, i); err != nil {
				return err
			}
		}
	},
	"hold": func(string) error {
		time.Sleep(time.Minute)
		return nil
	},
}

func helperProcess(t *testing.T, helper, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+helper+":"+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// stageSame has many goroutines write and read the same few blobs.
func stageSame(dir string) error {
	c, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	errs := make([]error, 10)
	var wg sync.WaitGroup
	for g := range errs {
		wg.Go(func() {
			for i := range 5 {
				content := pattern(i, 100_000)
				digest, err := put(c, content)
				if err == nil {
					var got []byte
					if got, err = get(c, digest); err == nil && !bytes.Equal(got, content) {
						err = errors.New("other bytes came back")
					}
				}
				errs[g] = errors.Join(errs[g], err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// stageMany writes a new blob, a result, and works in a locked directory.
func stageMany(dir string, i int) error {
	c, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	if _, err := put(c, pattern(os.Getpid()*1_000_000+i, 300_000)); err != nil {
		return err
	}
	if err := c.Remember(fmt.Sprint(i), pattern(i, 1000)); err != nil {
		return err
	}
	d, err := c.Dir(context.Background(), fmt.Sprint(i%3))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.Tmp(), "object"), pattern(i, 5000), 0o644); err != nil {
		return err
	}
	return d.Release()
}

func TestManyProcessesAndGoroutines(t *testing.T) {
	dir := t.TempDir()
	var children []*exec.Cmd
	for range 3 {
		cmd := helperProcess(t, "stage", dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, cmd)
	}
	if err := stageSame(dir); err != nil {
		t.Error(err)
	}
	for _, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Errorf("another process: %v", err)
		}
	}
	c := open(t, dir)
	if n := checkBlobs(t, c); n != 5 {
		t.Errorf("%d blobs, want 5", n)
	}
	if left := files(t, c, tmpArea); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestKilledWritersLeaveNothingWrong(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	alive, err := c.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Discard()

	leftovers := 0
	start := time.Now()
	for time.Since(start) < 2*time.Second {
		cmd := helperProcess(t, "loop", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		out.Read(make([]byte, 1)) // it has begun
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		leftovers = max(leftovers, len(files(t, c, tmpArea))-1)
	}
	if checkBlobs(t, c) == 0 || leftovers == 0 {
		t.Fatalf("the test is too tame: %d blobs, at most %d leftovers", checkBlobs(t, c), leftovers)
	}
	for _, path := range files(t, c, resultsArea) {
		record, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(record); n < 1000 {
			t.Errorf("a result of %d bytes", n)
		}
	}

	next := open(t, dir)
	content := []byte("next run")
	if _, err := put(next, content); err != nil {
		t.Fatal(err)
	}
	if leftoverAge == 0 {
		if left := files(t, c, tmpArea); len(left) != 1 {
			t.Errorf("the next run leaves %q, want the one file of a living writer", left)
		}
	}
	alive.Write([]byte("alive"))
	if err := alive.Commit(digestOf([]byte("alive"))); err != nil {
		t.Errorf("a living writer lost its file: %v", err)
	}
	for i := range 3 {
		d, err := next.Dir(t.Context(), fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		if list, err := os.ReadDir(d.Tmp()); err != nil || len(list) != 0 {
			t.Errorf("a temporary directory starts with %v, %v", list, err)
		}
		if err := d.Release(); err != nil {
			t.Error(err)
		}
	}
}
