// Package actiontest tests the GitHub Action of action.yml, and the workflows of the
// repository, with the tools that know what GitHub does: actionlint reads them, act
// runs them.
//
// What only reads files runs with all other tests. What needs the tools has the
// build tag e2e; setup.sh builds them, and the tests fail where they are missing.
// act runs workflows on this machine, without containers, in a throw-away repository
// with a home and caches of its own; of the machine it takes the go command, the
// modules and the build cache, so that no network is needed where those are filled.
//
//	./internal/actiontest/setup.sh && go test -tags e2e ./internal/actiontest
package actiontest
