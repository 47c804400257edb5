package gobuild

import "sync"

// side is work beside that of calls. Unlike with a [sync.WaitGroup], work may begin while
// somebody waits, who doesn't wait for that then.
type side struct {
	mu      sync.Mutex
	running map[chan struct{}]bool
}

func (s *side) Go(work func()) {
	done := make(chan struct{})
	s.mu.Lock()
	if s.running == nil {
		s.running = map[chan struct{}]bool{}
	}
	s.running[done] = true
	s.mu.Unlock()
	go func() {
		defer func() {
			s.mu.Lock()
			delete(s.running, done)
			s.mu.Unlock()
			close(done)
		}()
		work()
	}()
}

func (s *side) Wait() {
	s.mu.Lock()
	var all []chan struct{}
	for done := range s.running {
		all = append(all, done)
	}
	s.mu.Unlock()
	for _, done := range all {
		<-done
	}
}
