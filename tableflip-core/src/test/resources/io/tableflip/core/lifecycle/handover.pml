/*
 * The handover between processes, for the model checker spin. docs/protocol-model.md says what is claimed and how it is run.
 *
 * A process is the loop of its Lifecycle, and its state is a Phase: each alternative of the big loop is a task or a timer. What is atomic here is one system call,
 * or happens between two of them; between two atomic steps anybody else may run, and any process may be killed.
 */

/* @generated */

#define N 3               /* processes in a run: the first one, and two more that it or its child spawns */
#define NOBODY N          /* the arrays have one place more: what nobody has is there, and empty */

#ifndef LEVEL
#define LEVEL 2
#endif
#ifndef MISHAPS
#define MISHAPS 2         /* how often something befalls a process: see outside(), and a PID file or a spawn that fails */
#endif
#ifndef HUPS
#define HUPS 0            /* SIGHUP, to anybody, at any time */
#endif
#ifndef FREEZES
#define FREEZES 0         /* SIGSTOP, each with its SIGCONT */
#endif

mtype = { TAKEOVER, READY, FAILED, DRAINED, ABORT, STOP_ALL, REQUEST };

/* ---- what the kernel knows, by process */

mtype state[N + 1];
bool alive[N + 1];
bool frozen[N + 1];
byte parent[N + 1];
bool wrapped[N + 1];      /* a child of the spawned shell: TAKEOVER names a wrong pid, SIGKILL from the parent misses it */
byte born = 1;
byte pidFile = NOBODY;

/* ---- the link, by child */

chan up[N + 1] = [4] of { mtype };    /* the ready pipe */
chan down[N + 1] = [4] of { mtype };  /* the names pipe, behind the names */
bool upRead[N + 1];       /* the parent's end of the ready pipe is open */
bool upWrite[N + 1];      /* the child's end of it */
bool downWrite[N + 1];    /* the parent's end of the names pipe */

/* ---- Handover, by parent */

byte child[N + 1];        /* NOBODY before the spawn */

/* ---- Upgrades, by process */

bool hup[N + 1];          /* SIGHUP came, and was not handled yet */
bool requested[N + 1];    /* Upgrades.requested */
byte successor[N + 1];    /* Upgrades.successor; NOBODY before the commit */

/* ---- Takeover and Shutdown, by process */

bool lost[N + 1];         /* Parent.isLost or isOver */
bool gone[N + 1];         /* Parent.isOver */
bool renamed[N + 1];      /* PidFile.committed */
bool parentGone[N + 1];   /* Parent.isReadToEnd */
bool stopSignal[N + 1];   /* came, and was not handled yet */
byte exiting[N + 1];      /* System.exit before the commit: 1 was called, 2 the shutdown hook has spoken */

/* ---- for the claims */

byte mishaps = MISHAPS, freezes = FREEZES, hups = HUPS;
bool quiet;               /* from now on nothing comes from outside, no request for an upgrade either, and nothing goes wrong */
bool opened[N + 1];       /* accepts although its phase does not show it: at level 1 */
bool served;              /* the first process was ready once */
bool ended;               /* the service was stopped, or the last process that could be it is gone */
bool sent[N + 1];         /* by child: READY went into a pipe that the parent had not done with */
bool inTime[N + 1];       /* and the parent had not begun to get rid of the child */
bool punctual[N + 1];     /* by child: the parent was not frozen since TAKEOVER */

bool asked;               /* the service was asked for an upgrade, and none has begun since */
bool stopped;             /* the only process that was the service was told to stop */

/* Never true: what is asserted where a claim does not hold, so that the output names it. */
bool SOMEBODY_ACCEPTS, SOMEBODY_STAYS, ONE_SERVICE, ONE_UNREADY, TWO_PROCESSES, READY_COUNTS, LEGAL_MOVE, UPGRADE_ENDS, PID_FILE_IS_RIGHT,
    LINK_IS_CLOSED, STOP_ENDS_ALL, REQUEST_COUNTS;

#define isService(p) (state[p] == SERVING || state[p] == STOPPING_CHILD || isUpgrading(state[p]))
#define isUnready(p) (isUnreadyPhase(state[p]))
/* Would be the service in the end if all others died now: not if it is leaving, or its parent has given it up. */
#define mayServe(p) (alive[p] && !exiting[p] && (isUnready(p) || isService(p)) && !(down[p]??[ABORT]))

inline noteIfNobodyIsLeft() {
    if
    :: !mayServe(0) && !mayServe(1) && !mayServe(2) -> ended = true
    :: else
    fi
}

/* ---- the link */

#define kid child[me]
#define hasChild (listensToChild(state[me]) && kid != NOBODY)
/* The child has said FAILED, or has closed the link. */
#define isSilent (state[me] == CHILD_FAILED || state[me] == CHILD_LEAVING)
#define hears(message) (hasChild && up[kid]?[message])
#define endOfFile(c) (empty(up[c]) && !upWrite[c])
/* Handover.receive() finds nothing new. In Handover.after() and Shutdown.stopService() that comes before everything else. */
#define nothingHeard (!hasChild || (empty(up[kid]) && (upWrite[kid] || isSilent)))

#define hasParent (parent[me] != NOBODY)
#define linkEnded (hasParent && empty(down[me]) && !downWrite[me])
/* Parent.hasExited */
#define isParentGone (!hasParent || parentGone[me] || !alive[parent[me]])

/* By a signal, or by the parent */
#define isToldToStop (stopSignal[me] || (LEVEL == 2 && down[me]?[STOP_ALL]))

inline hearsStop() {
    stopSignal[me] = false;
    if
    :: LEVEL == 2 && down[me]?[STOP_ALL] -> down[me]?STOP_ALL
    :: else
    fi
}

/* Is the service, and its parent cannot give it up any more. */
#define isSettled(p) (isService(p) && !(down[p]??[ABORT]) && (parent[p] == NOBODY || child[parent[p]] != p))

/* To a child that is gone: EPIPE, which the parent ignores. */
inline tell(c, message) {
    atomic {
        if
        :: c != NOBODY && downWrite[c] && alive[c] -> down[c]!message
        :: else
        fi
    }
}

/* ParentLink.failed. A parent of level 1 would not understand it. */
inline saysFailed() {
    atomic {
        if
        :: LEVEL == 2 && upRead[me] -> up[me]!FAILED
        :: else
        fi
    }
}

/* What stood in the pipe and was not read is lost. */
inline closeLink(c) {
    upRead[c] = false; downWrite[c] = false;
    do
    :: up[c]?_
    :: empty(up[c]) -> break
    od
}

/* The kernel closes what p had open; both its parent and its children see it at once. Nothing of p is kept: the dead all look the same. */
inline dies(p) {
    d_step {
        alive[p] = false; frozen[p] = false; upWrite[p] = false;
        do
        :: down[p]?_
        :: empty(down[p]) -> break
        od;
        i = 0;
        do
        :: i < N && parent[i] == p -> closeLink(i); i++
        :: i < N && parent[i] != p -> i++
        :: i == N -> break
        od;
        i = 0;
        child[p] = NOBODY; lost[p] = false; gone[p] = false; opened[p] = false;
        renamed[p] = false; parentGone[p] = false; stopSignal[p] = false; exiting[p] = 0;
        sent[p] = false; inTime[p] = false; punctual[p] = false; state[p] = 0;
        hup[p] = false; requested[p] = false; successor[p] = NOBODY;
        noteIfNobodyIsLeft()
    }
}

/* Of Handover.killChild */
inline kill() {
    atomic {
        if
        :: kid != NOBODY && alive[kid] && !wrapped[kid] ->
           if
           :: inTime[kid] -> assert(READY_COUNTS)
           :: else
           fi;
           k = kid; dies(k); k = 0
        :: else
        fi
    }
}

/* If its parent lives and has not read that it was ready, or if it was given up, this one only takes itself out. */
inline stopsService() {
    stopped = stopped || ((!hasParent || !alive[parent[me]]) && empty(down[me]));
    make_STOP(me)
}

proctype process(byte me) provided (!frozen[me]) {
    byte i, k;
    {
next:
        do
        /* @move UPGRADE: Upgrades.refusal, Handover.start */
        :: atomic {
               state[me] == SERVING && isParentGone && born < N && (!quiet || requested[me]) &&
               empty(down[me]) -> /* what stands in the pipe is read before anybody asks for an upgrade */
               requested[me] = false; asked = false;
               make_UPGRADE(me)
           }
        /* @end */

        /* Upgrades.request: the upgrade begins later, here or in the successor */
        :: atomic {
               hup[me] ->
               hup[me] = false;
               if
               :: isUnready(me) || (isService(me) && state[me] != STOPPING_CHILD) ->
                  requested[me] = true; asked = asked || isSettled(me)
               :: (state[me] == LINGERING || state[me] == EXITING) && LEVEL == 2 -> asked = true; tell(successor[me], REQUEST)
               :: else
               fi
           }
        /* Takeover.received */
        :: atomic {
               LEVEL == 2 && down[me]?[REQUEST] ->
               down[me]?REQUEST;
               if
               :: isUnready(me) || isService(me) -> requested[me] = true
               :: else
               fi
           }

        /* @move SPAWN: Spawner.spawn, Handover.spawned. The names are in the pipe before the child is there. */
        :: atomic {
               state[me] == SPAWNING && born < N ->
               kid = born; born++;
               parent[kid] = me; alive[kid] = true; state[kid] = INITIALIZING;
               upRead[kid] = true; upWrite[kid] = true; downWrite[kid] = true;
               if
               :: true
               :: LEVEL == 2 && mishaps > 0 -> mishaps--; wrapped[kid] = true
               fi;
               make_SPAWN(me);
               run process(kid)
           }
        /* @end */

        /* @move WARM_UP: Takeover.begin. ready() is called at any time. */
        :: atomic { state[me] == INITIALIZING && hasParent && !lost[me] -> make_WARM_UP(me) }
        /* @end */

        /* @move OPEN: Takeover.begin, at the end of a warm-up or without one */
        :: atomic { state[me] == INITIALIZING || state[me] == WARMING_UP -> make_OPEN(me) }
        /* @end */

        /* @move TAKE_OVER: Takeover.open and askToLeave. It accepts before it says so. */
        :: atomic {
               LEVEL == 2 && state[me] == OPENING && hasParent && !lost[me] ->
               make_TAKE_OVER(me)
           };
           atomic {
               if
               :: upRead[me] -> up[me]!TAKEOVER; punctual[me] = true
               :: else -> lost[me] = true
               fi
           }
        /* @end */

        /* @move AWAIT_PARENT: Takeover.open */
        :: atomic { state[me] == OPENING && hasParent && lost[me] && !gone[me] -> make_AWAIT_PARENT(me) }
        /* @end */

        /* @move PAUSE: Handover.takenOver. The gates close a moment later. */
        :: atomic {
               hears(TAKEOVER) ->
               up[kid]?TAKEOVER;
               if
               :: state[me] != STARTING -> skip
               :: state[me] == STARTING && wrapped[kid] -> make_ABORT(me); goto killChild
               :: state[me] == STARTING && !wrapped[kid] -> make_PAUSE(me)
               fi
           }
        /* @end */

        /* @move DRAIN: Handover.paused */
        :: atomic { hasChild && state[me] == PAUSING -> make_DRAIN(me) }
        /* @end */

        /* @move OVERDUE: Handover.maxDrainOver */
        :: atomic { hasChild && state[me] == PAUSING -> make_OVERDUE(me) }
        /* @end */

        /* @move ALLOW: Handover.sayDrained, by the end of the drain, which reads nothing first, or by a timer */
        :: atomic { hasChild && (state[me] == DRAINING || state[me] == PAUSE_OVERDUE) -> make_ALLOW(me) };
           tell(kid, DRAINED)
        /* @end */

        /* @move SERVE: Takeover.open, received, continueAlone and the timer of askToLeave */
        :: atomic { state[me] == OPENING && (!hasParent || gone[me]) ->
               opened[me] = true;
               goto commitAlone
           }
        :: atomic { LEVEL == 1 && state[me] == OPENING && hasParent && !lost[me] ->
               opened[me] = true;
               goto commit
           }
        :: atomic { LEVEL == 2 && down[me]?[DRAINED] ->
               down[me]?DRAINED;
               if
               :: state[me] == TAKING_OVER -> goto commit
               :: else
               fi
           }
        /* this timer may act though something stands in the pipe that the thread that reads has not seen */
        :: atomic { state[me] == TAKING_OVER && !lost[me] && (FREEZES == 0 || !punctual[me]) -> goto commit }
        :: atomic { linkEnded && !parentGone[me] ->
               parentGone[me] = true;
               lost[me] = lost[me] || isUnready(me)
           }
        :: atomic { lost[me] && !gone[me] && isUnready(me) && parentGone[me] && !alive[parent[me]] ->
               gone[me] = true;
               if
               :: state[me] == TAKING_OVER || state[me] == ORPHANED -> goto commitAlone
               :: else
               fi
           }
        /* @end */

        /* @move COMMIT: Handover.ready and commit. To be killed between the look at the child and the move is to be killed after it. */
        :: atomic {
               hears(READY) ->
               up[kid]?READY;
               if
               :: isSilent || !alive[kid] -> skip
               :: else ->
                  if
                  :: exiting[kid] -> ended = true /* of itself, having said that it is the service */
                  :: else
                  fi;
                  make_COMMIT(me);
                  upRead[kid] = false;
                  do
                  :: up[kid]?_
                  :: empty(up[kid]) -> break
                  od;
                  successor[me] = kid;
                  kid = NOBODY;
                  if
                  :: requested[me] && LEVEL == 2 -> tell(successor[me], REQUEST)
                  :: requested[me] && LEVEL == 1 -> asked = false
                  :: else
                  fi;
                  requested[me] = false
               fi
           }
        /* @end */

        /* @move LOSE_CHILD: Handover.childFailed and childWentSilent, before the takeover */
        :: atomic { hears(FAILED) && state[me] == STARTING -> up[kid]?FAILED; make_LOSE_CHILD(me) }
        :: atomic { hasChild && state[me] == STARTING && endOfFile(kid) -> make_LOSE_CHILD(me) }
        :: atomic { hears(FAILED) && isSilent -> up[kid]?FAILED }
        /* @end */

        /* @move SERVE_AGAIN: Handover.childFailed and childWentSilent, after the takeover */
        :: atomic { hears(FAILED) && hasHandedOver(state[me]) -> up[kid]?FAILED; make_SERVE_AGAIN(me) }
        :: atomic { hasChild && hasHandedOver(state[me]) && endOfFile(kid) -> make_SERVE_AGAIN(me) }
        /* @end */

        /* @move ABORT: Handover.spawnFailed, upgradeTimedOut, childEnded, and the timer of awaitEndOfChild */
        :: atomic {
               state[me] == SPAWNING && (mishaps > 0 || born == N) ->
               if
               :: mishaps > 0 -> mishaps--
               :: else
               fi;
               make_ABORT(me); goto killChild
           }
        :: atomic { hasChild && state[me] == CHILD_FAILED && !alive[kid] && empty(up[kid]) -> make_ABORT(me); goto killChild }
        :: atomic { hasChild && (state[me] == STARTING || state[me] == CHILD_FAILED) && nothingHeard -> make_ABORT(me); goto killChild }
        /* @end */

        /* @move TAKE_BACK: Handover.commitTimedOut */
        :: atomic { hasChild && state[me] == COMMITTING && nothingHeard -> make_TAKE_BACK(me); goto killChild }
        /* @end */

        /* @move END_CHILD: Handover.childEnded, and the timer of awaitEndOfChild */
        :: atomic { hasChild && state[me] == CHILD_LEAVING && !alive[kid] && empty(up[kid]) -> make_END_CHILD(me); goto killChild }
        :: atomic { hasChild && state[me] == CHILD_LEAVING && nothingHeard -> make_END_CHILD(me); goto killChild }
        /* @end */

        /* @move ROLL_BACK: Handover.rollBack */
        :: atomic {
               isEndingChild(state[me]) && (kid == NOBODY || !alive[kid] || wrapped[kid]) ->
               make_ROLL_BACK(me);
               pidFile = me;
               kid = NOBODY
           }
        /* @end */

        /* @move STOP_CHILD: Shutdown.stopService, Handover.stop */
        :: atomic {
               isToldToStop && (state[me] == SPAWNING || state[me] == STARTING || state[me] == CHILD_FAILED) && nothingHeard ->
               hearsStop(); ended = true;
               make_STOP_CHILD(me); goto killChild
           }
        :: atomic { isToldToStop && state[me] == ABORTING -> hearsStop(); ended = true; make_STOP_CHILD(me) }
        /* @end */

        /* @move STOP: Shutdown.stopService, Handover.passStopOn and stopped */
        :: atomic { isToldToStop && state[me] == SERVING -> hearsStop(); ended = true; stopsService() }
        :: atomic {
               isToldToStop && (hasHandedOver(state[me]) || state[me] == CHILD_LEAVING) && nothingHeard ->
               hearsStop(); ended = true; goto passStopOn
           }
        :: atomic {
               isToldToStop && (state[me] == TAKING_BACK || state[me] == ENDING_CHILD) ->
               hearsStop(); ended = true; goto passStopOn
           }
        :: atomic {
               state[me] == STOPPING_CHILD && (kid == NOBODY || !alive[kid] || wrapped[kid]) ->
               kid = NOBODY;
               stopsService()
           }
        :: atomic { isToldToStop && !isUnready(me) && (!isService(me) || state[me] == STOPPING_CHILD) -> hearsStop() }
        /* @end */

        /* @move GIVE_UP: Shutdown.stopUnready; Takeover.received, awaitExit and fail */
        :: atomic {
               isToldToStop && isUnready(me) ->
               hearsStop();
               if
               :: upRead[me] && LEVEL == 2 -> i = 1
               :: else
               fi;
               make_GIVE_UP(me);
               noteIfNobodyIsLeft()
           };
           if
           :: i == 1 -> i = 0; saysFailed()
           :: else
           fi;
           upWrite[me] = false
        :: atomic {
               LEVEL == 2 && down[me]?[ABORT] ->
               down[me]?ABORT;
               if
               :: isUnready(me) || state[me] == SERVING ->
                  make_GIVE_UP(me); noteIfNobodyIsLeft()
               :: else
               fi
           }
        :: atomic { lost[me] && !gone[me] && isUnready(me) && alive[parent[me]] ->
               make_GIVE_UP(me); noteIfNobodyIsLeft()
           }
        :: atomic { state[me] == OPENING && hasParent && mishaps > 0 ->
               mishaps--;
               goto failed
           }
        /* @end */

        /* @move LEAVE: Shutdown.exitNow, Exit. The drain has its timeout, the process its exit deadline. */
        :: atomic {
               state[me] == LINGERING || state[me] == STOPPING || state[me] == GIVING_UP ->
               if
               :: state[me] != LINGERING && pidFile == me -> pidFile = NOBODY
               :: else
               fi;
               make_LEAVE(me)
           };
           dies(me)
        /* @end */

        /* a child of level 1 reads nothing but the names */
        :: atomic { LEVEL == 1 && nempty(down[me]) -> down[me]?_ }
        od;

        /* @move SERVE: Takeover.commit */
commit:
        atomic {
            if
            :: !renamed[me] -> renamed[me] = true; pidFile = me
            :: !renamed[me] && mishaps > 0 -> mishaps--; goto failed
            :: else
            fi
        };
        atomic {
            if
            :: !upRead[me] ->
               lost[me] = true;
               if
               :: state[me] == OPENING -> make_AWAIT_PARENT(me)
               :: else
               fi;
               goto next
            :: else ->
               sent[me] = child[parent[me]] == me;
               inTime[me] = sent[me] && listensToChild(state[parent[me]]) && !exiting[me];
               up[me]!READY
            fi
        };
        goto serve;
commitAlone:
        atomic {
            if
            :: !renamed[me] -> renamed[me] = true; pidFile = me
            :: else
            fi
        };
serve:
        atomic {
            make_SERVE(me); served = true;
            goto next
        };
        /* @end */

        /* @move GIVE_UP: Takeover.fail */
failed:
        saysFailed();
        atomic { make_GIVE_UP(me); noteIfNobodyIsLeft(); goto next };
        /* @end */

        /* Handover.killChild */
killChild:
        tell(kid, ABORT);
        kill();
        atomic { closeLink(kid); goto next };

        /* Handover.passStopOn */
passStopOn:
        tell(kid, STOP_ALL);
        atomic { closeLink(kid); kid = NOBODY; stopsService(); goto next }
    } unless { !alive[me] }
}

/* ---- what comes from outside */

inline befalls(p) {
    if
    :: mishaps > 0 && alive[p] -> mishaps--; asked = false; dies(p) /* SIGKILL */
    :: hups > 0 && alive[p] && !quiet -> hups--; hup[p] = true
    :: mishaps > 0 && alive[p] && (isUnready(p) || isService(p)) && !stopSignal[p] -> mishaps--; stopSignal[p] = true
    :: freezes > 0 && alive[p] && !frozen[p] && !quiet ->
       freezes--; frozen[p] = true;
       i = 0;
       do
       :: i < N && parent[i] == p -> punctual[i] = false; i++
       :: i < N && parent[i] != p -> i++
       :: i == N -> i = 0; break
       od
    :: frozen[p] -> frozen[p] = false
    /* System.exit: the shutdown hook speaks (Shutdown.jvmEnds) while the loop goes on; then all is over */
    :: mishaps > 0 && alive[p] && parent[p] != NOBODY && isUnready(p) -> mishaps--; exiting[p] = 1; noteIfNobodyIsLeft()
    :: exiting[p] == 1 && !frozen[p] ->
       exiting[p] = 2;
       if
       :: LEVEL == 2 && upRead[p] && !sent[p] -> up[p]!FAILED
       :: else
       fi
    :: exiting[p] == 2 && !frozen[p] -> asked = false; dies(p)
    fi
}

active proctype outside() {
    byte i;
    do
    :: atomic { befalls(0) }
    :: atomic { befalls(1) }
    :: atomic { befalls(2) }
    :: atomic { !quiet -> quiet = true; mishaps = 0 }
    od
}

/* ---- the claims, looked at between any two steps */

/* The gates open before the state changes, which shows where the parent does not wait for TAKEOVER: at level 1. */
#define isAccepting(p) (alive[p] && (accepts(state[p]) || (state[p] == OPENING && opened[p])))
/* Whoever accepted has failed, and p is about to roll back, or to go on without its parent. */
#define goesOnAlone(p) (alive[p] && isUnready(p) && state[p] != TAKING_OVER && parent[p] != NOBODY && !alive[parent[p]])
#define rollsBack(p) (alive[p] && (hasHandedOver(state[p]) || state[p] == TAKING_BACK) && hasFailed(child[p]))
#define hasFailed(p) (!alive[p] || state[p] == STOPPING || state[p] == GIVING_UP || state[p] == EXITING)
#define somebody(does) (does(0) || does(1) || does(2))

/* It was given up just as it said READY, which does not count: it ends once it has read that. */
#define isGivenUp(p) (state[p] == SERVING && sent[p] && down[p]??[ABORT])
#define actsAsService(p) (alive[p] && !exiting[p] && isService(p) && !isGivenUp(p))
/* q has said that it is the service, and p has not read it yet or is about to get rid of q. Neither can begin another upgrade. */
#define isHandingOver(p, q) (parent[q] == p && state[q] == SERVING && sent[q] && child[p] == q && (up[q]??[READY] || !listensToChild(state[p])))
#define areTwo(p, q) (actsAsService(p) && actsAsService(q) && !isHandingOver(p, q))

#define unready(p) (alive[p] && isUnready(p))
#define processes (alive[0] + alive[1] + alive[2])
/* A process behind a shell is out of its parent's reach, and may still have to read that it was given up. */
#define isAnyWrapped (wrapped[1] || wrapped[2])

#define isUnsettled(p) (alive[p] && state[p] != SERVING)
#define isUnnamed(p) (alive[p] && pidFile != p)
#define isLinked(p) (upRead[p] || downWrite[p])
#define isWaiting(p) (alive[p] && requested[p])

active proctype claims() {
    do
    :: atomic { served && !ended && !somebody(isAccepting) && !somebody(goesOnAlone) && !somebody(rollsBack) -> assert(SOMEBODY_ACCEPTS) }
    :: atomic { served && !ended && !somebody(mayServe) -> assert(SOMEBODY_STAYS) }
    :: atomic { areTwo(0, 1) || areTwo(0, 2) || areTwo(1, 2) -> assert(ONE_SERVICE) }
    :: atomic { unready(0) + unready(1) + unready(2) > 1 && !isAnyWrapped -> assert(ONE_UNREADY) }
    :: atomic { processes > 2 && !isAnyWrapped -> assert(TWO_PROCESSES) }
    /* nothing can happen any more */
    :: atomic { timeout ->
           if
           :: somebody(isUnsettled) -> assert(UPGRADE_ENDS)
           :: processes > 1 -> assert(ONE_SERVICE)
           :: processes == 0 && !ended -> assert(SOMEBODY_STAYS)
           :: processes > 0 && stopped -> assert(STOP_ENDS_ALL)
           :: somebody(isUnnamed) && !isAnyWrapped -> assert(PID_FILE_IS_RIGHT)
           :: somebody(isLinked) -> assert(LINK_IS_CLOSED)
           :: born < N && !ended && (asked || somebody(isWaiting)) -> assert(REQUEST_COUNTS)
           :: else
           fi;
           break
       }
    od
}

init {
    atomic {
        parent[0] = NOBODY; parent[1] = NOBODY; parent[2] = NOBODY;
        child[0] = NOBODY; child[1] = NOBODY; child[2] = NOBODY;
        successor[0] = NOBODY; successor[1] = NOBODY; successor[2] = NOBODY;
        state[0] = INITIALIZING; alive[0] = true;
        run process(0)
    }
}
