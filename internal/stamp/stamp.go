// Package stamp tells from a file's metadata whether anything wrote to it.
//
// Two equal stamps of one path mean equal bytes, on two conditions: the file system
// keeps the time of an inode's last change, which programs can't set back ([Reliable]),
// and that time was already past when the first stamp was taken ([State.Trusted]): of
// two writes within one tick of the clock, the second leaves no trace. Where a condition
// doesn't hold, the bytes have to be read.
package stamp

import (
	"io/fs"
	"time"
)

// State is what metadata say of a file or directory. States are comparable with ==.
type State struct {
	Size    int64
	Mode    fs.FileMode
	ModTime int64 // nanoseconds since the epoch
	Change  int64 // likewise, of the inode's last change; 0 where it is unknown
	Inode   uint64
}

// Of returns the state that info, of os.Stat or os.Lstat, speaks of.
func Of(info fs.FileInfo) State {
	s := State{Size: info.Size(), Mode: info.Mode(), ModTime: info.ModTime().UnixNano()}
	s.Change, s.Inode = system(info)
	return s
}

// Tick is what the clock of a file system advances by at least, where it keeps
// nanoseconds: it goes with the kernel's timer, at least a hundred times a second.
const Tick = 20 * time.Millisecond

// coarseTick is the same of all other file systems (two seconds on FAT).
const coarseTick = 2500 * time.Millisecond

// Settled reports whether any write at the time t or later would show: the time of the
// last change lies before it by more than a tick of the clock. It is false where that time
// is unknown.
func (s State) Settled(t time.Time) bool {
	tick := Tick
	if s.whole() {
		tick = coarseTick
	}
	return Reliable && s.Change != 0 && s.Change < t.Add(-tick).UnixNano()
}

// Trusted reports whether a state that was taken at the time t tells the file from all that may
// take its place later. Beyond being settled, its time has to be one that nobody chose: images of
// file systems have whole seconds, and two of them may have the same.
func (s State) Trusted(t time.Time) bool { return s.Settled(t) && !s.whole() }

func (s State) whole() bool { return s.Change%int64(time.Second) == 0 }
