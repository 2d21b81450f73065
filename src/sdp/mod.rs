//! SDP offer and answer (RFC 4566, RFC 3264) over the parser of `sdp-types`. Never opens a socket, never guesses an address.
