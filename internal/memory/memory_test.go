package memory

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/tools/txtar"
)

func TestAvailable(t *testing.T) {
	const gib = int64(1) << 30
	for _, tt := range []struct {
		name  string
		files string
		want  int64
	}{
		{"nothing known", "", 0},
		{"no control groups", "-- proc/meminfo --\nMemTotal: 9 kB\nMemAvailable:    1048576 kB\n", gib},
		{"second version", `
-- proc/meminfo --
MemAvailable: 4194304 kB
-- proc/self/cgroup --
0::/group/job
-- sys/fs/cgroup/group/memory.max --
2147483648
-- sys/fs/cgroup/group/memory.current --
1610612736
-- sys/fs/cgroup/group/memory.stat --
anon 5
inactive_file 268435456
active_file 268435456
-- sys/fs/cgroup/group/job/memory.max --
max
`, gib},
		{"second version, seen from inside", `
-- proc/meminfo --
MemAvailable: 4194304 kB
-- proc/self/cgroup --
0::/hidden
-- sys/fs/cgroup/memory.max --
2147483648
-- sys/fs/cgroup/memory.current --
1073741824
`, gib},
		{"first version", `
-- proc/meminfo --
MemAvailable: 4194304 kB
-- proc/self/cgroup --
5:cpu:/
4:hugetlb,memory:/docker/x
-- sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes --
1073741824
-- sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes --
0
`, gib},
		{"limit above what there is", `
-- proc/meminfo --
MemAvailable: 1048576 kB
-- proc/self/cgroup --
0::/
-- sys/fs/cgroup/memory.max --
9223372036854771712
`, gib},
		{"used up", `
-- proc/meminfo --
MemAvailable: 1048576 kB
-- proc/self/cgroup --
0::/
-- sys/fs/cgroup/memory.max --
1000
-- sys/fs/cgroup/memory.current --
2000
`, 1},
		{"nonsense", "-- proc/meminfo --\nMemAvailable: lots kB\n-- proc/self/cgroup --\nx\n0::/\n-- sys/fs/cgroup/memory.max --\n-5\n", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for _, f := range txtar.Parse([]byte(tt.files)).Files {
				path := filepath.Join(root, filepath.FromSlash(f.Name))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got := available(root); got != tt.want {
				t.Errorf("available = %d, want %d", got, tt.want)
			}
		})
	}
	if runtime.GOOS == "linux" && Available() <= 0 {
		t.Error("this machine's memory is not known")
	}
}
