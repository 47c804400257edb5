// Package event is the vocabulary in which imgo's stages report progress.
//
// Stages emit events and know nothing of terminals, JSON or clocks; renderers
// (internal/progress) are equal consumers of the one stream. An event carries no
// time: whoever receives it knows when it came.
package event

// Stage is a step of a build, as it appears in progress and in the summary.
type Stage string

// The stages, in the order in which a build passes through them.
const (
	Load    Stage = "load"    // package patterns to main packages
	Base    Stage = "base"    // a base reference to a pinned image
	Compile Stage = "compile" // the go command
	Layer   Stage = "layer"   // tar and compress
	Push    Stage = "push"    // blobs and manifests to a registry
	Attest  Stage = "attest"  // SBOM, provenance and signatures to a registry
	Write   Stage = "write"   // a tarball or layout on disk
	Tag     Stage = "tag"     // names that move to the new digest
)

// Kind says what an event means.
type Kind int

// The kinds of event. Every Started is followed by exactly one Finished or
// Failed with the same Stage and Subject; Advanced lies between them.
const (
	Started   Kind = iota // the step began; Text is "cached" where nothing is to be done; Total is its size in bytes, 0 if unknown
	Advanced              // Current of Total bytes are done
	Finished              // the step succeeded; Text may say how ("cached", "exists", "mounted")
	Failed                // the step failed; Text says why in one line
	Output                // Text is a line printed by a child process, without its newline
	Warning               // Text is for the user, who need not act on it for the build to succeed
	Explained             // Text says why a step did what it did, for users who asked for that
)

// Event is one thing that happened. Subject names what the stage works on, in the
// user's terms: an import path with its platform, a reference, a file, a digest.
type Event struct {
	Kind    Kind
	Stage   Stage
	Subject string
	Current int64 // bytes done
	Total   int64 // bytes in all, 0 if unknown
	Text    string
}

// Sink receives events. Implementations are safe for concurrent use and don't
// block for long: a stage waits for them.
type Sink interface {
	Emit(Event)
}

// Func makes a Sink of a function.
type Func func(Event)

// Emit calls f.
func (f Func) Emit(e Event) { f(e) }

// Discard drops every event.
var Discard Sink = Func(func(Event) {})

// Cached emits the events of a step for which nothing is to be done.
func Cached(s Sink, stage Stage, subject string) {
	s.Emit(Event{Kind: Started, Stage: stage, Subject: subject, Text: "cached"})
	s.Emit(Event{Kind: Finished, Stage: stage, Subject: subject, Text: "cached"})
}

// Track emits Started and returns a function that emits Finished with the given
// text, or Failed where err is not nil. The returned function is called once.
func Track(s Sink, stage Stage, subject string) func(text string, err error) {
	s.Emit(Event{Kind: Started, Stage: stage, Subject: subject})
	return func(text string, err error) {
		if err != nil {
			s.Emit(Event{Kind: Failed, Stage: stage, Subject: subject, Text: err.Error()})
			return
		}
		s.Emit(Event{Kind: Finished, Stage: stage, Subject: subject, Text: text})
	}
}
