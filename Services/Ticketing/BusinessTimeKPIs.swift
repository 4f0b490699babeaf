import BusinessTime
import KPIs
import ServiceKit

/// Durations in the working hours of the rules' `business_calendar`; without one there are none.
enum BusinessTimeMeasure {
    static let firstResponseTime = Measure(id: 110, "first_response_time_business", .distribution)
    static let firstResponseTimeHuman = Measure(id: 111, "first_response_time_human_business", .distribution)
    static let firstResponseTimeAny = Measure(id: 112, "first_response_time_any_business", .distribution)
    static let responseTime = Measure(id: 113, "response_time_business", .distribution)
    static let responseTimeNext = Measure(id: 114, "response_time_next_business", .distribution)
    static let resolutionTime = Measure(id: 115, "resolution_time_business", .distribution)
    static let resolutionTimeFirst = Measure(id: 116, "resolution_time_first_business", .distribution)
    static let resolutionTimeCycle = Measure(id: 117, "resolution_time_cycle_business", .distribution)
    static let requesterWaitTime = Measure(id: 118, "requester_wait_time_business", .distribution)

    static let all = [
        firstResponseTime, firstResponseTimeHuman, firstResponseTimeAny, responseTime, responseTimeNext, resolutionTime,
        resolutionTimeFirst, resolutionTimeCycle, requesterWaitTime,
    ]
}

enum BusinessTimeKPIs {
    static let definitions = BusinessTimeMeasure.all.map { TicketingKPIs.duration($0.id, $0.name, $0) }
}

/// The working hours by a ticket's team.
struct BusinessTimeCalendars {
    private let calendars: BusinessCalendars

    init(_ calendars: BusinessCalendars) {
        self.calendars = calendars
    }

    /// - Parameter team: Label of the ticket's team; 0 for none.
    func calendar(of team: UInt32, _ output: inout DerivationOutput) -> WorkingCalendar? {
        if calendars.byTeam.isEmpty || team == 0 { return calendars.standard }
        return calendars.calendar(team: output.text(ofLabel: team))
    }
}

extension TicketDerivation {
    /// The ticket's durations again, in working time. What is negative in calendar time has been counted there.
    func addBusinessTimes(_ calendar: WorkingCalendar, _ cells: UInt32, _ output: inout DerivationOutput) {
        func add(_ measure: Measure, _ start: Int64, _ end: Int64, _ output: inout DerivationOutput) {
            guard end >= start else { return }
            let time = calendar.time(from: start, to: end)
            guard let milliseconds = DerivationOutput.milliseconds(from: 0, to: time) else { return }
            output.add(measure, at: end, value: milliseconds, cells: cells)
        }
        typealias Business = BusinessTimeMeasure
        for response in ticket.conversation.responses {
            add(Business.responseTime, response.start, response.time, &output)
            if !response.isFirst { add(Business.responseTimeNext, response.start, response.time, &output) }
        }
        if let any = ticket.conversation.firstOfAny { add(Business.firstResponseTimeAny, any.start, any.time, &output) }
        if let first = ticket.conversation.first {
            add(Business.firstResponseTime, first.start, first.time, &output)
            add(Business.firstResponseTimeHuman, first.humanStart, first.time, &output)
        }
        for solve in ticket.solves { add(Business.resolutionTimeCycle, solve.cycleStart, solve.time, &output) }
        guard let first = ticket.solves.first, let last = ticket.solves.last else { return }
        add(Business.resolutionTimeFirst, ticket.createdAt, first.time, &output)
        add(Business.resolutionTime, ticket.createdAt, last.time, &output)
        let waits = ticket.statusTime.requesterWaits
        if ticket.statusTime.requesterWait >= 0, waits.allSatisfy({ $0.end >= $0.start }) {
            let wait = waits.reduce(0) { $0 + calendar.time(from: $1.start, to: $1.end) }
            guard let milliseconds = DerivationOutput.milliseconds(from: 0, to: wait) else { return }
            output.add(Business.requesterWaitTime, at: last.time, value: milliseconds, cells: cells)
        }
    }
}
