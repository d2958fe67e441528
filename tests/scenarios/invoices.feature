Feature: An invoice is posted once, and what comes of it is told
  A billing engine issues it, the ERP posts it, and the customer pays, in any order and as often as anybody says so.
  What is open is the total less what came, and CRM, PSA, and the billed lines know it.

  Background:
    Given legal entity DE01 keeps its books in EUR, with tax profile standard
    And service line advisory comes with the work packages analysis and delivery
    And customer C-1 trades with DE01
    And deal ENG-1 with C-1 is won for DE01, at 100.00 EUR an hour

  Scenario: From the billing engine to the money
    When invoice INV-1 of 119.00 EUR is issued for ENG-1, billing line 1 of the sheet
    Then the ERP has invoice INV-1, once
    And CRM and PSA show INV-1 as posted, with 119.00 EUR open
    And line 1 of the sheet is invoiced
    When payment PAY-1 of 19.00 EUR on INV-1 arrives from the ERP
    Then CRM and PSA show INV-1 as partly_paid, with 100.00 EUR open
    And line 1 of the sheet is invoiced
    When payment PAY-2 of 100.00 EUR on INV-1 arrives from the ERP
    Then CRM and PSA show INV-1 as paid, with 0.00 EUR open
    And line 1 of the sheet is paid
    And nobody was asked anything

  Scenario: The ERP bills by itself
    Given the ERP bills by itself
    When the ERP posts invoice INV-1 of 119.00 EUR for ENG-1
    Then the ERP was not asked to post an invoice
    And CRM and PSA show INV-1 as posted, with 119.00 EUR open

  Scenario: The customer of an invoice arrives after it
    When invoice INV-1 of 119.00 EUR is issued for ENG-2
    Then the ERP was not asked to post an invoice
    When deal ENG-2 with C-1 is won for DE01
    Then the ERP has invoice INV-1, once
    And nobody was asked anything

  Scenario: A payment before its invoice, under the ERP's own id
    When payment PAY-1 of 19.00 EUR on INV-1 arrives from the ERP
    And invoice INV-1 of 119.00 EUR is issued for ENG-1
    Then CRM and PSA show INV-1 as partly_paid, with 100.00 EUR open
    And nobody was asked anything

  Scenario: A payment before its invoice, twice, under our id
    When payment PAY-1 of 19.00 EUR on INV-1 arrives from the bank
    And payment PAY-1 of 19.00 EUR on INV-1 arrives from the bank
    And invoice INV-1 of 119.00 EUR is issued for ENG-1
    Then CRM and PSA show INV-1 as partly_paid, with 100.00 EUR open
    And nobody was asked anything

  Scenario: A payment whose invoice does not come
    Given somebody is asked once a message has waited for 60 seconds
    When payment PAY-1 of 19.00 EUR on INV-1 arrives from the bank
    And 120 seconds pass
    Then the sender is asked about the awaited invoice INV-1: wait_overdue
    When invoice INV-1 of 119.00 EUR is issued for ENG-1
    Then CRM and PSA show INV-1 as partly_paid, with 100.00 EUR open
    And no case stands open

  Scenario: The ERP refuses to post an invoice
    Given the ERP refuses invoice INV-1
    When invoice INV-1 of 119.00 EUR is issued for ENG-1, billing line 1 of the sheet
    Then finance is asked about invoice INV-1: refused
    And line 1 of the sheet is not billed
    When the ERP refuses nothing any more
    And finance retries
    Then the ERP has invoice INV-1, once
    And CRM and PSA show INV-1 as posted, with 119.00 EUR open
    And line 1 of the sheet is invoiced
    And no case stands open

  Scenario: The ERP takes an invoice, and does not post it after all
    When invoice INV-1 of 119.00 EUR is issued for ENG-1, billing line 1 of the sheet
    And the ERP says that it does not post INV-1: period_closed
    Then finance is asked about invoice INV-1: period_closed
    And CRM and PSA show INV-1 as refused, with 119.00 EUR open
    And line 1 of the sheet is withdrawn
    When the ERP posts invoice INV-1 of 119.00 EUR for ENG-1
    Then CRM and PSA show INV-1 as posted, with 119.00 EUR open
    And no case stands open

  Scenario: A credit memo on a partly paid invoice
    When invoice INV-1 of 119.00 EUR is issued for ENG-1, billing line 1 of the sheet
    And payment PAY-1 of 19.00 EUR on INV-1 arrives from the ERP
    And credit memo CM-1 of 100.00 EUR on line 1 of INV-1 arrives from the ERP
    Then CRM and PSA show INV-1 as paid, with 0.00 EUR open
    And line 1 of the sheet is credited
    And nobody was asked anything

  Scenario: A write-off
    When invoice INV-1 of 119.00 EUR is issued for ENG-1, billing line 1 of the sheet
    And write-off WO-1 of 119.00 EUR on INV-1 arrives from the ERP
    Then CRM and PSA show INV-1 as written_off, with 0.00 EUR open
    And line 1 of the sheet is written_off

  Scenario: Too much is paid, and paid back
    When invoice INV-1 of 119.00 EUR is issued for ENG-1
    And payment PAY-1 of 120.00 EUR on INV-1 arrives from the ERP
    Then finance is asked about invoice INV-1: overpaid
    When payment PAY-2 of -1.00 EUR on INV-1 arrives from the ERP
    Then no case stands open
    And CRM and PSA show INV-1 as paid, with 0.00 EUR open

  Scenario: The customer pays what was written off
    When invoice INV-1 of 119.00 EUR is issued for ENG-1
    And write-off WO-1 of 119.00 EUR on INV-1 arrives from the ERP
    And payment PAY-1 of 119.00 EUR on INV-1 arrives from the ERP
    Then finance is asked about invoice INV-1: paid_after_write_off
    When write-off WO-2 of -119.00 EUR on INV-1 arrives from the ERP
    Then no case stands open
    And CRM and PSA show INV-1 as paid, with 0.00 EUR open

  Scenario: A payment in another currency
    When invoice INV-1 of 119.00 EUR is issued for ENG-1
    And payment PAY-1 of 119.00 USD on INV-1 arrives from the ERP
    Then finance is asked about invoice INV-1: currency_differs
    And CRM and PSA show INV-1 as posted, with 119.00 EUR open

  Scenario: The customer objects
    When invoice INV-1 of 119.00 EUR is issued for ENG-1
    And the ERP says that the customer objects to INV-1
    Then CRM and PSA show that INV-1 is disputed
    When the ERP says that the customer objects to INV-1 no more
    Then CRM and PSA show that INV-1 is not disputed

  Scenario: Two invoices bill the same line
    When invoice INV-1 of 119.00 EUR is issued for ENG-1, billing line 1 of the sheet
    And invoice INV-2 of 119.00 EUR is issued for ENG-1, billing line 1 of the sheet
    Then finance is asked about the sheet: line_invoiced_twice
    When credit memo CM-1 of 119.00 EUR on line 1 of INV-2 arrives from the ERP
    Then no case stands open

  Scenario: A line is corrected after it was invoiced
    Given 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    When invoice INV-1 of 119.00 EUR is issued for ENG-1, billing line 1 of the sheet
    And they are corrected to 6 hours on ENG-1 for 2026-03-31, and 8 for 2026-04-01
    Then finance is asked about the sheet: credit_memo_needed
    When credit memo CM-1 of 119.00 EUR on line 1 of INV-1 arrives from the ERP
    Then no case stands open

  Scenario: A line is corrected before it is invoiced
    Given 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    When they are corrected to 6 hours on ENG-1 for 2026-03-31, and 8 for 2026-04-01
    And invoice INV-1 of 119.00 EUR is issued for ENG-1, billing line 1 of the sheet
    Then line 1 of the sheet is invoiced
    And nobody was asked anything

  Scenario: An invoice bills an expense
    Given 84.20 EUR of travel on ENG-1 are approved
    When invoice INV-1 of 119.00 EUR is issued for ENG-1, billing line 1 of the expenses
    Then line 1 of the expenses is invoiced
    When invoice INV-2 of 119.00 EUR is issued for ENG-1, billing line 1 of the expenses
    Then finance is asked about the expenses: line_invoiced_twice
    When credit memo CM-1 of 119.00 EUR on line 1 of INV-2 arrives from the ERP
    Then no case stands open

  Scenario: A milestone is completed twice
    When milestone M-1 of ENG-1 is completed, worth 8000.00 EUR
    And milestone M-1 of ENG-1 is completed, worth 8000.00 EUR
    Then the ERP bills milestone M-1 of ENG-1 with 8000.00 EUR, once

  Scenario: A milestone is completed again with another amount
    When milestone M-1 of ENG-1 is completed, worth 8000.00 EUR
    And milestone M-1 of ENG-1 is completed, worth 9000.00 EUR
    Then a case says "again with 9000.00 EUR"
    And the ERP bills milestone M-1 of ENG-1 with 8000.00 EUR, once

  Scenario: A milestone in another currency than its contract
    When milestone M-1 of ENG-1 is completed, worth 8000.00 USD
    Then finance is asked about milestone M-1 of ENG-1: currency_differs
    And the ERP bills no milestone of ENG-1
