import Foundation
import KPIs
import Testing

@Suite struct ErlangCTests {
    /// The check values of the KPI catalogue: 360 calls per half hour, mean handle time 240 s.
    @Test func thePublishedExample() {
        let load = 360.0 / 1_800 * 240
        #expect(load == 48)
        let queue = ErlangC(load: load, agents: 55)
        #expect(abs(queue.waitProbability - 0.238701) < 5e-7)
        #expect(abs(queue.serviceLevel(within: 15, handleTime: 240) - 0.845883) < 5e-7)
        #expect(abs(queue.serviceLevel(within: 20, handleTime: 240) - 0.86680) < 5e-6)
        #expect(abs(queue.averageSpeedOfAnswer(handleTime: 240) - 8.184) < 5e-4)
        #expect(abs(ErlangC(load: load, agents: 54).serviceLevel(within: 20, handleTime: 240) - 0.817248) < 5e-7)
        #expect(abs(ErlangC(load: load, agents: 53).serviceLevel(within: 20, handleTime: 240) - 0.75177) < 5e-6)
        #expect(ErlangC.agents(arrivalsPerHour: 720, handleTime: 240, within: 20, target: 0.8) == 54)
        #expect(StaffingSettings().scheduled(54) == 78)
        #expect(StaffingSettings(shrinkage: 0.1).scheduled(54) == 60)
    }

    /// Against Erlang's formula as it is written, where powers and factorials still fit.
    @Test func smallSystemsFollowTheFormula() {
        for agents in 1...60 {
            for load in [0.01, 0.5, 1, 3.7, 10, 29.5] where load < Double(agents) {
                var terms = [1.0]
                for k in 1...agents { terms.append(terms[k - 1] * load / Double(k)) }
                let waiting = terms[agents] * Double(agents) / (Double(agents) - load)
                let probability = waiting / (terms[..<agents].reduce(0, +) + waiting)
                #expect(abs(ErlangC(load: load, agents: agents).waitProbability - probability) < 1e-12)
            }
        }
    }

    @Test func largeSystemsAreStable() {
        let queue = ErlangC(load: 10_000, agents: 10_100)
        #expect(queue.waitProbability > 0.2 && queue.waitProbability < 0.3)
        #expect(ErlangC(load: 5, agents: 5).waitProbability == 1)
        #expect(ErlangC(load: 5, agents: 5).serviceLevel(within: 20, handleTime: 240) == 0)
        #expect(ErlangC(load: 5, agents: 0).averageSpeedOfAnswer(handleTime: 1) == .infinity)
        #expect(ErlangC.agents(arrivalsPerHour: 0, handleTime: 240, within: 20, target: 0.8) == 0)
        #expect(ErlangC.agents(arrivalsPerHour: 1e9, handleTime: 240, within: 20, target: 0.8) == nil)
        #expect(ErlangC.agents(arrivalsPerHour: .nan, handleTime: 240, within: 20, target: 0.8) == nil)
        #expect(ErlangC.agents(arrivalsPerHour: 10, handleTime: 240, within: 20, target: 1) == nil)
        #expect(ErlangC.agents(arrivalsPerHour: 10, handleTime: 0, within: 20, target: 0.8) == 1)
    }

    @Test func theFewestAgentsAreFound() {
        for arrivals in stride(from: 1.0, through: 2_000, by: 37) {
            guard let agents = ErlangC.agents(arrivalsPerHour: arrivals, handleTime: 300, within: 30, target: 0.9)
            else {
                Issue.record("no number of agents for \(arrivals)")
                continue
            }
            let load = arrivals / 12
            func level(_ agents: Int) -> Double {
                ErlangC(load: load, agents: agents).serviceLevel(within: 30, handleTime: 300)
            }
            #expect(level(agents) >= 0.9 && level(agents - 1) < 0.9)
        }
    }
}
