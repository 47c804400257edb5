// Package e2e tests imgo's command from end to end with the components that people
// use it with: Debian's docker-registry, dockerd, podman, skopeo, umoci and runc, and
// cosign. What is built is run. Nothing is faked, the issuer of identities and the
// transparency log apart that a Fulcio is tried with.
//
// The tests have the build tag e2e and need Linux, root, and what setup.sh installs
// (versions of what is not Debian's are in tools.sh). They never skip: where a component
// is missing, they fail. IMGO_E2E_BIN names the imgo to test, so that the tests can't
// pass with another one; "make e2e" builds it. Two more build tags are for what takes
// long to build: real for large programs of others, interop for syft and Fulcio.
//
//	make e2e
//	make e2e RUN=TestPush
//	make e2e-real
//	make interop
//
// Each test has a home, a cache and a directory of its own ([sandbox]). Daemons are
// started by the first test that needs them, on a free port or a socket of their own,
// and end with the tests, as do containers and mounts; the machine's own docker and
// podman are left alone. What a test ran, and what came back, is in its log when it
// fails.
package e2e
